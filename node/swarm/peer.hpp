// Peer: a node that is being dialed or connected to, with its connections: one for each kind of
// path, since a better path is a better connection, made before the other ends. Knows the best.
// Bookkeeping only: closes nothing.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "node/async/clock.hpp"
#include "node/swarm/places.hpp"
#include "node/swarm/toll.hpp"
#include "node/swarm/vigil.hpp"
#include "node/transport/path.hpp"

namespace kp2p {

class Connection;
struct Dialing;

enum class PathRank { tcp, udx, relayed };  // the best first
inline PathRank rank_of(const Path& path) {
    if (path.kind == Path::Kind::relayed || path.kind == Path::Kind::tunnelled)
        return PathRank::relayed;
    return path.transport == Path::Transport::tcp ? PathRank::tcp : PathRank::udx;
}

class Peer {
  public:
    struct Held {
        std::shared_ptr<Connection> connection;
        PathRank rank = PathRank::udx;
        std::optional<Clock::Time> proven;  // since when; none: it is not heard
        Vigil vigil = {};
        Toll toll = {};
    };

    Cause cause = Cause::came;
    std::shared_ptr<Dialing> dial;         // while it is being dialed
    std::string label;                     // what it calls itself; empty: nothing
    std::vector<Endpoint> tcp_places;      // where it says that it listens
    std::vector<Finding> better_failures;  // why these, tried last, led to no better path
    std::optional<Endpoint> udp_place;     // at the host that we know it at
    bool tells_places = false;             // so that two connections to it need not be one
    Clock::Time direct_due{};              // when a way without a relay is worth a try
    Clock::Span direct_pause = std::chrono::seconds(5);  // before the next, twice as long each
    Clock::Time toll_due{};                              // when to ask again if TCP pays too much
    static constexpr std::chrono::seconds doubt_span{10};
    Clock::Time doubt_until{};                     // its connections are asked if they hold
    Clock::Span patience = Vigil::first_patience;  // of the next vigil
    // Since when its connections, one after the other, are not known to be heard.
    std::weak_ptr<const Clock::Time> unheard_since = {};

    // Instead of the one of its rank, if there is one; its own rank may have changed.
    void hold(Held held) {
        std::erase_if(held_, [&](const Held& other) {
            return other.rank == held.rank || other.connection == held.connection;
        });
        const auto worse = [&](const Held& other) { return other.rank > held.rank; };
        held_.insert(std::find_if(held_.begin(), held_.end(), worse), std::move(held));
    }
    // The ranks of some have changed: `rank` says what they are.
    template <class Rank>
    void rank_anew(Rank rank) {
        for (Held& held : held_) held.rank = rank(*held.connection);
        std::ranges::stable_sort(held_, {}, &Held::rank);
    }
    void remove(const Connection& connection) {
        std::erase_if(held_, [&](const Held& h) { return h.connection.get() == &connection; });
    }
    template <class Look>
    void look(Look look) {
        for (Held& held : held_) look(held);
    }
    // Whom we took for lost a moment ago may only be slow: the next time we wait longer.
    void lose_patience(Clock::Time now, Clock::Span memory) {
        if (!lost_at_ || now - *lost_at_ > memory) patience = Vigil::first_patience;
        if (lost_at_ && now - *lost_at_ <= memory)
            patience = std::min<Clock::Span>(2 * patience, Vigil::longest_patience);
        lost_at_ = now;
    }
    // Nothing comes over any connection, of those that are proven.
    bool silent() const { return best() && best()->vigil.silent(); }
    bool empty() const { return held_.empty(); }
    const std::vector<Held>& held() const { return held_; }  // the best first
    // Null if there is none.
    const Held* find(const Connection& connection) const {
        return find([&](const Held& held) { return held.connection.get() == &connection; });
    }
    const Held* find(PathRank rank) const {
        return find([&](const Held& held) { return held.rank == rank; });
    }
    // Of those that are proven; one along which nothing comes only where there is no other.
    const Held* best() const {
        const Held* carries =
            find([](const Held& held) { return held.proven && !held.vigil.silent(); });
        return carries ? carries : find([](const Held& held) { return held.proven.has_value(); });
    }
    std::optional<Clock::Time> proven() const {  // of the first that is
        std::optional<Clock::Time> first;
        for (const Held& held : held_)
            if (held.proven) first = std::min(first.value_or(*held.proven), *held.proven);
        return first;
    }

  private:
    template <class Is>
    const Held* find(Is is) const {
        const auto found = std::find_if(held_.begin(), held_.end(), is);
        return found == held_.end() ? nullptr : &*found;
    }

    std::vector<Held> held_;
    std::optional<Clock::Time> lost_at_;  // when one of its connections last fell silent
};

}  // namespace kp2p
