// Rates: how fast files may travel, in each direction: over all connections, and from and to the
// members of a channel. What goes to or comes from a member of several counts in each.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "node/share/inventory/throttle.hpp"
#include "proto/lookup/channel_limit.hpp"

namespace kp2p {

class Rates {
  public:
    enum class Place { lan, elsewhere };  // of a peer

    explicit Rates(Runtime& runtime);
    Rates(const Rates&) = delete;

    // Hold from now on, and follow the calendar.
    void set(proto::RateLimits limits, const std::vector<proto::ChannelLimit>& channels);
    struct Now {
        proto::RateTable::Rate up, down;
    };
    Now now() const;
    Now now(const proto::ChannelLimit& limit) const;  // by the same calendar

    // What is given to, or asked of, a peer there with which we are in these channels, the
    // narrowest first; none: as fast as it goes. They live as long as this.
    using Names = std::set<ChannelName>;
    std::vector<Throttle*> up(Place place, const Names& channels);
    std::vector<Throttle*> down(Place place, const Names& channels);

  private:
    struct Pair {
        explicit Pair(Runtime& runtime) : up(runtime), down(runtime) {}
        Throttle up, down;
    };
    struct OfChannel {
        explicit OfChannel(Runtime& runtime) : pair(runtime) {}
        proto::RateTable up_table, down_table;
        Pair pair;
    };
    std::vector<Throttle*> which(Throttle Pair::*way, Place place, const Names& channels);
    int minute() const;  // of the week, here
    void apply();

    Runtime& runtime_;
    proto::RateLimits limits_;
    Pair all_;
    // Kept while others may wait for one, also those that limit nothing any more.
    std::map<ChannelName, OfChannel> channels_;
    std::unique_ptr<Alarm> next_;  // when the timetable may say something else
};

}  // namespace kp2p
