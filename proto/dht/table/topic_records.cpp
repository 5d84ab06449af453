#include "proto/dht/table/topic_records.hpp"

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
    Records none;
    const auto records_in = [&](Generation& generation) -> Records& {
        const auto topic = generation.find(target);
        return topic == generation.end() ? none : topic->second;
    };
    Records& fresh = records_in(fresh_);
    Records& stale = records_in(stale_);
    // Their order is of no meaning: those that were drawn are moved to the front.
    std::size_t fresh_drawn = 0, stale_drawn = 0;
    Records sample;
    while (sample.size() < count) {
        const std::size_t fresh_left = fresh.size() - fresh_drawn;
        const std::size_t left = fresh_left + stale.size() - stale_drawn;
        if (left == 0) break;
        const std::size_t at = random_below(left);
        if (at < fresh_left) {
            std::swap(fresh[fresh_drawn], fresh[fresh_drawn + at]);
            sample.push_back(fresh[fresh_drawn++]);
        } else {
            std::swap(stale[stale_drawn], stale[stale_drawn + at - fresh_left]);
            const PeerRecord& record = stale[stale_drawn++];
            if (find_key(fresh, record.key) == fresh.end()) sample.push_back(record);
        }
    }
    return sample;
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
