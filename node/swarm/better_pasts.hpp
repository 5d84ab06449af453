// BetterPasts: when a node that is connected to in another way is to be dialed over TCP again: one
// that is not reached, or whose connection ended soon, after longer and longer pauses; and whose
// TCP is not to be used at all for a while, as much of it is lost or altered.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>

#include "proto/bytes.hpp"

namespace kp2p {

class BetterPasts {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Span = Time::duration;

    static constexpr std::chrono::seconds first_pause{5}, longest_pause{600};
    // Longer than a connection lives that carries nothing, until that is found out.
    static constexpr std::chrono::seconds long_life{120};
    static constexpr std::size_t max_nodes = 1024;

    Time due(const NodeId& node) const {
        const auto past = pasts_.find(node);
        return past == pasts_.end() ? Time{} : past->second.due;
    }
    void ended(const NodeId& node, Time now, Span lived) {
        Past& past = past_of(node);
        if (lived >= long_life) past.pause = first_pause;
        past.due = std::max(past.due, now + past.pause);
        past.pause = std::min<Span>(2 * past.pause, longest_pause);
    }
    // Much is lost or altered on the way there: another is better for a while.
    void shun(const NodeId& node, Time now) {
        Past& past = past_of(node);
        past.shunned_until = past.due = now + longest_pause;
    }
    bool shunned(const NodeId& node, Time now) const {
        const auto past = pasts_.find(node);
        return past != pasts_.end() && now < past->second.shunned_until;
    }
    // We, or it, are elsewhere than before.
    void forget(const NodeId& node) { pasts_.erase(node); }

  private:
    struct Past {
        Time due{};  // not dialed before
        Time shunned_until{};
        Span pause = first_pause;
    };
    Past& past_of(const NodeId& node) {
        if (pasts_.size() >= max_nodes && !pasts_.contains(node)) pasts_.erase(pasts_.begin());
        return pasts_[node];
    }

    std::map<NodeId, Past> pasts_;
};

}  // namespace kp2p
