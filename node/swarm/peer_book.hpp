// PeerBook: whom the swarm knows of, whom it dials next, and when it tries again. Policy only: no
// I/O, time is passed in. Source: npm hyperswarm 4.17.2 (lib/peer-info.js, lib/retry-timer.js).
// Shape: tell it what happens to peers; take next_dial() when another dial may start, and look
// again at deadline().
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/endpoint.hpp"

namespace kp2p {

// What a peer's past says about dialing it again.
struct PeerPast {
    unsigned attempts = 0;  // that failed or ended, since it last was good
    bool proven = false;    // connected once
};
// Higher is sooner; nothing when it is not dialed until it is discovered again.
std::optional<unsigned> dial_priority(const PeerPast& past);
enum class RetryDelay { short_delay, medium_delay, long_delay };
std::optional<RetryDelay> retry_delay(const PeerPast& past);

class PeerBook {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Span = std::chrono::steady_clock::duration;
    enum class Dialed { by_us, by_them };

    // Peers beyond this are not taken in; it is far more than the connections a swarm has.
    static constexpr std::size_t max_peers = 4096;
    static constexpr std::size_t max_relays = 8;  // hints of one peer
    // A connection that lived that long was a good one.
    static constexpr std::chrono::seconds good_life{15};

    PeerBook(const NodeId& ourselves, std::uint64_t seed);

    void discovered(Time now, const Topic& topic, const NodeId& peer,
                    const std::vector<Endpoint>& relays);
    void left(const Topic& topic);  // its peers are not dialed again for its sake
    // How much one more peer of these topics is needed: the greater comes first, 0 not at all.
    using Need = std::function<unsigned(const std::set<Topic>&)>;
    // The best peer that is due and needed; it counts as being dialed from now on.
    std::optional<NodeId> next_dial(Time now, const Need& need);
    std::optional<Time> deadline(const Need& need) const;  // when one will be due, if none is now
    std::vector<Endpoint> relays(const NodeId& peer) const;
    std::set<Topic> topics(const NodeId& peer) const;  // that it was found under

    void dialing(const NodeId& peer);  // for another reason than next_dial()
    // One that answered is there, and a loss spoilt the rest more often than not.
    enum class Answered { no, yes };
    void dial_failed(Time now, const NodeId& peer, Answered answered);
    void connected(const NodeId& peer, Dialed who);
    void closed(Time now, const NodeId& peer, Span lived);  // though it may not have counted
    // Whether peers of this topic are being dialed or, if more are needed, about to be: for the
    // first time, or once more because they answered, or were connected and are so no more.
    bool unsettled(const Topic& topic, bool needed) const;

  private:
    enum class State { idle, due, dialing, connected };
    struct Peer {
        PeerPast past;
        State state = State::idle;
        Time due{};
        std::uint64_t order = 0;  // random among peers of one priority
        bool dialed_by_us = false;
        bool spoilt = false;  // the only dial so far: it was answered, and failed
        std::set<Topic> topics;
        std::vector<Endpoint> relays;
    };

    using Peers = std::map<NodeId, Peer>;

    void retry(Time now, Peers::iterator peer);
    Span delay_of(RetryDelay delay);

    NodeId ourselves_;
    std::mt19937_64 random_;
    Peers peers_;
};

}  // namespace kp2p
