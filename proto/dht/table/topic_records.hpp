// Who announced which topic: for each target a set of records, one per public key, in two
// generations. A record is kept as it is while it is fresh and replaced only once stale, as the
// reference does. Bounded: `capacity_bytes` a generation and max_records_per_topic; a full topic
// replaces a record at random. Source: npm record-cache 1.2.0.
#pragma once

#include <array>
#include <map>
#include <random>
#include <vector>

#include "proto/dht/time.hpp"
#include "proto/dht/wire/messages.hpp"

namespace kp2p::proto::dht {

class TopicRecords {
  public:
    static constexpr std::size_t capacity_bytes = 2 << 20;
    static constexpr std::size_t max_records_per_topic = 1024;
    static constexpr Span lifetime = std::chrono::seconds(800);

    TopicRecords(Time now, std::uint64_t seed) : random_(seed), flips_at_(now + lifetime) {}

    void add(Time now, const DhtId& target, const PeerRecord& record);
    void remove(const DhtId& target, const NodeId& key);
    // Up to `count` at random.
    std::vector<PeerRecord> sample(Time now, const DhtId& target, std::size_t count);

  private:
    using Records = std::vector<PeerRecord>;
    using Generation = std::map<DhtId, Records>;  // whoever announces chooses the topic: no hash

    void flip_if_due(Time now);
    void flip(Time now);
    std::size_t random_below(std::size_t limit);

    std::minstd_rand random_;
    Generation fresh_, stale_;
    std::size_t bytes_ = 0;
    Time flips_at_;
};

}  // namespace kp2p::proto::dht
