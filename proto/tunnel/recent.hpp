// Recent: a map that holds no more than so many entries: for one more, that which was not used for
// longest goes.
#pragma once

#include <list>
#include <unordered_map>
#include <utility>

namespace kp2p::proto::tunnel {

template <class Key, class Value, class Hash>
class Recent {
  public:
    explicit Recent(std::size_t max_entries) : max_entries_(max_entries) {}

    // Null if there is none. Valid until the next make().
    Value* find(const Key& key) {
        const auto found = entries_.find(key);
        if (found == entries_.end()) return nullptr;
        order_.splice(order_.end(), order_, found->second.at);
        return &found->second.value;
    }
    // One that is there already stays as it is.
    Value& make(const Key& key, Value value) {
        if (Value* there = find(key)) return *there;
        if (entries_.size() == max_entries_) {
            entries_.erase(order_.front());
            order_.pop_front();
        }
        const auto at = order_.insert(order_.end(), key);
        return entries_.emplace(key, Entry{std::move(value), at}).first->second.value;
    }
    std::size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        Value value;
        typename std::list<Key>::iterator at;
    };

    std::size_t max_entries_;
    std::list<Key> order_;  // the one that was used last at the end
    std::unordered_map<Key, Entry, Hash> entries_;
};

}  // namespace kp2p::proto::tunnel
