#include "proto/dht/topic_records.hpp"

#include <algorithm>
#include <utility>

namespace kp2p::proto::dht {
namespace {

constexpr std::size_t topic_bytes = 96;  // of the map's entry

std::size_t bytes_of(const PeerRecord& record) {
    return sizeof record + record.relays.size() * sizeof(Endpoint) + 2 * sizeof(void*);
}

auto find_key(std::vector<PeerRecord>& records, const NodeId& key) {
    return std::find_if(records.begin(), records.end(),
                        [&](const PeerRecord& record) { return record.key == key; });
}

}  // namespace

void TopicRecords::add(Time now, const DhtId& target, const PeerRecord& record) {
    flip_if_due(now);
    if (const auto topic = fresh_.find(target); topic != fresh_.end())
        if (find_key(topic->second, record.key) != topic->second.end()) return;
    if (bytes_ + bytes_of(record) + topic_bytes > capacity_bytes) flip(now);
    Records& records = fresh_[target];
    if (records.empty()) bytes_ += topic_bytes;
    bytes_ += bytes_of(record);
    if (records.size() < max_records_per_topic) {
        records.push_back(record);
        return;
    }
    PeerRecord& replaced = records[random_below(records.size())];
    bytes_ -= bytes_of(replaced);
    replaced = record;
}

void TopicRecords::remove(const DhtId& target, const NodeId& key) {
    for (Generation* generation : {&fresh_, &stale_}) {
        const auto topic = generation->find(target);
        if (topic == generation->end()) continue;
        const auto record = find_key(topic->second, key);
        if (record == topic->second.end()) continue;
        if (generation == &fresh_) bytes_ -= bytes_of(*record);
        *record = std::move(topic->second.back());
        topic->second.pop_back();
        if (!topic->second.empty()) continue;
        if (generation == &fresh_) bytes_ -= topic_bytes;
        generation->erase(topic);
    }
}

std::vector<PeerRecord> TopicRecords::sample(Time now, const DhtId& target, std::size_t count) {
    flip_if_due(now);
    std::vector<PeerRecord> all;
    if (const auto topic = fresh_.find(target); topic != fresh_.end()) all = topic->second;
    if (const auto topic = stale_.find(target); topic != stale_.end()) {
        const auto fresh_count = static_cast<std::ptrdiff_t>(all.size());
        const auto sorted_by_key = [](const PeerRecord& a, const PeerRecord& b) {
            return a.key < b.key;
        };
        std::sort(all.begin(), all.end(), sorted_by_key);
        for (const PeerRecord& record : topic->second)
            if (!std::binary_search(all.begin(), all.begin() + fresh_count, record, sorted_by_key))
                all.push_back(record);
    }
    for (std::size_t i = 0; i < count && i < all.size(); ++i)
        std::swap(all[i], all[i + random_below(all.size() - i)]);
    if (all.size() > count) all.resize(count);
    return all;
}

void TopicRecords::flip_if_due(Time now) {
    if (now < flips_at_) return;
    const bool both = now >= flips_at_ + lifetime;
    flip(now);
    if (both) flip(now);
}

void TopicRecords::flip(Time now) {
    stale_ = std::move(fresh_);
    fresh_ = {};
    bytes_ = 0;
    flips_at_ = now + lifetime;
}

std::size_t TopicRecords::random_below(std::size_t limit) { return random_() % limit; }

}  // namespace kp2p::proto::dht
