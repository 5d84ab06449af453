// Joined: a topic that the swarm is in, or is about to leave.
#pragma once

#include <optional>

#include "node/async/clock.hpp"
#include "node/async/event.hpp"

namespace kp2p {

class Tasks;

struct Joined {
    explicit Joined(Executor executor) : hurried(executor) {}
    Tasks* tasks = nullptr;  // while it is announced
    bool wanted = true, looked_up = false, looked_up_again = false;
    Clock::Time last_lookup;             // when it began, of those that have ended
    std::optional<Clock::Time> looking;  // since when
    bool hurry = false;                  // another lookup is wanted before its time
    Event hurried;
};

}  // namespace kp2p
