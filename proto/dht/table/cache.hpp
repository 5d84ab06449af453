// GenerationCache: a bounded map whose entries expire roughly. Writes go to the fresh generation;
// every `lifetime` - or when the fresh one holds `capacity_bytes` - it becomes the stale one and
// the stale one is dropped. So an entry lives one to two lifetimes, never more than twice the
// capacity is held, and an empty cache costs nothing. Source: npm xache 1.3.0.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <utility>

#include "proto/dht/time.hpp"

namespace kp2p::proto::dht {

template <class Key, class Value, class Hash>
class GenerationCache {
  public:
    struct Limits {
        std::size_t capacity_bytes;  // of one generation
        Span lifetime;
    };

    GenerationCache(Time now, const Limits& limits)
        : limits_(limits), flips_at_(now + limits.lifetime) {}

    // Null if absent; reading renews the entry while the fresh generation has room for it. Valid
    // until the next call.
    Value* find(Time now, const Key& key) {
        flip_if_due(now);
        if (const auto fresh = fresh_.find(key); fresh != fresh_.end()) return &fresh->second.value;
        const auto stale = stale_.find(key);
        if (stale == stale_.end()) return nullptr;
        if (bytes_ + stale->second.bytes > limits_.capacity_bytes) return &stale->second.value;
        bytes_ += stale->second.bytes;
        return &fresh_.insert(stale_.extract(stale)).position->second.value;
    }
    // `value_bytes`: what the value takes outside of its own size.
    Value& put(Time now, const Key& key, Value value, std::size_t value_bytes = 0) {
        flip_if_due(now);
        erase(key);
        const std::size_t bytes = entry_bytes + value_bytes;
        if (bytes_ + bytes > limits_.capacity_bytes) flip(now);
        bytes_ += bytes;
        return fresh_.insert_or_assign(key, Entry{std::move(value), bytes}).first->second.value;
    }
    void erase(const Key& key) {
        if (const auto fresh = fresh_.find(key); fresh != fresh_.end()) {
            bytes_ -= fresh->second.bytes;
            fresh_.erase(fresh);
        }
        stale_.erase(key);
    }
    std::size_t size() const { return fresh_.size() + stale_.size(); }

  private:
    struct Entry {
        Value value;
        std::size_t bytes;
    };
    // A node of the map with its share of the bucket array.
    static constexpr std::size_t entry_bytes = sizeof(Key) + sizeof(Entry) + 4 * sizeof(void*);

    void flip_if_due(Time now) {
        if (now < flips_at_) return;
        const bool both = now >= flips_at_ + limits_.lifetime;
        flip(now);
        if (both) flip(now);
    }
    void flip(Time now) {
        stale_ = std::move(fresh_);
        fresh_ = {};
        bytes_ = 0;
        flips_at_ = now + limits_.lifetime;
    }

    Limits limits_;
    Time flips_at_;
    std::size_t bytes_ = 0;
    std::unordered_map<Key, Entry, Hash> fresh_, stale_;
};

}  // namespace kp2p::proto::dht
