// TryQueue: the nodes that may have a file, so many of them tried at a time; the others wait
// their turn. Shape: spawn a trial when hear() says so, and another for what done() gives when one
// has ended. Who was tried for good is not tried again, others are when they are heard of once
// more.
#pragma once

#include <deque>
#include <optional>
#include <set>

#include "proto/bytes.hpp"

namespace kp2p {

class TryQueue {
  public:
    static constexpr std::size_t max_at_once = 64;  // neighbours not counted
    static constexpr std::size_t max_heard = 4096;  // what is heard of after these is ignored

    // A neighbour costs no connection: no number of made-up nodes keeps it waiting.
    enum class Reach { neighbour, distant };
    // True: to be tried now.
    bool hear(const NodeId& node, Reach reach) {
        if (heard_.size() >= max_heard && reach == Reach::distant) return false;
        if (!heard_.insert(node).second) return false;
        if (trying_ >= max_at_once && reach == Reach::distant) {
            waiting_.push_back(node);
            return false;
        }
        ++trying_;
        return true;
    }
    // One of those being tried is tried a second time at once, which done() is told apart.
    void again() { ++trying_; }
    enum class Tried { for_good, for_now };
    // This one has been tried to its end; the next one to be tried, if there is.
    std::optional<NodeId> done(const NodeId& tried, Tried how) {
        --trying_;
        if (how == Tried::for_now) heard_.erase(tried);
        if (waiting_.empty() || trying_ >= max_at_once) return std::nullopt;
        const NodeId node = waiting_.front();
        waiting_.pop_front();
        ++trying_;
        return node;
    }
    std::size_t trying() const { return trying_; }

  private:
    std::set<NodeId> heard_;
    std::deque<NodeId> waiting_;
    std::size_t trying_ = 0;
};

}  // namespace kp2p
