// Places: who gets and who keeps one of the connections that a swarm has. Policy only: no I/O, time
// is passed in.
//
// Every node picks some members of each topic at random and keeps them, and takes in whoever picks
// it, up to a limit; so the members of a topic form a random graph, which is connected and a few
// steps wide however many they are. Those who come from outside compete for places among
// themselves and displace nobody who was picked. A connection that was asked for by key always
// finds a place, unless all are at work. Shape: made of what is taken now, asked at once.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "node/transport/use.hpp"

namespace kp2p {

// Why there is a connection, or a dial: it came; for a topic's sake; somebody asked for its key.
enum class Cause { came, topic, key };

struct Place {
    NodeId node;
    Cause cause = Cause::came;
    std::optional<std::chrono::steady_clock::time_point> since;  // none: it is being dialed
    Use use;  // topics of a stranger: those it was found under
    bool stranger = false;
};

class Places {
  public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr std::size_t max_connections = 64;
    static constexpr std::size_t max_came = 56;    // the others are for our own picks and transfers
    static constexpr std::size_t max_sought = 48;  // are dialed for a topic's sake, up to this many
    static constexpr std::size_t wanted = 24;      // in a topic; fewer are looked for
    static constexpr std::size_t picks = 8;        // of those we have dialed, which we keep
    static constexpr std::size_t scarce = 2;       // in a topic: nobody displaces them
    static constexpr std::chrono::seconds grace{10};  // for one that came, to find others

    explicit Places(std::vector<Place> taken);

    // How much one more of these topics is wanted, dials counted: 0 not at all, 2 most.
    unsigned need(const std::set<Topic>& topics) const;
    bool room(Time now, Cause cause) const { return !full(cause) || least_useful(now, cause); }
    // Who goes to make it; none: nobody need, or there is no room.
    std::optional<NodeId> displaced(Time now, Cause cause) const;

  private:
    struct Count {
        std::size_t all = 0, picked = 0;
    };
    bool full(Cause cause) const;
    const Place* least_useful(Time now, Cause cause) const;
    bool needed(const Place& place) const;

    std::vector<Place> taken_;
    std::size_t connected_ = 0;
    std::map<Topic, Count> topics_;
};

}  // namespace kp2p
