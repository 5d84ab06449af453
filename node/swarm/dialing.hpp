// Dialing: a dial of the swarm that goes on, and that the node makes needless if it comes to us.
#pragma once

#include <memory>

#include "node/async/clock.hpp"
#include "node/reach/greeting.hpp"

namespace kp2p {

class Tasks;

struct Dialing : DialProgress {
    // So long it goes on beside a connection, and what comes of it is kept: for the node to say
    // which of the two it has taken.
    static constexpr std::chrono::seconds max_standby{2};

    Tasks* tasks = nullptr;  // while it goes on
};

// At once, or when it is too late for the node to have taken it.
Task<> end_unneeded(Clock& clock, std::shared_ptr<Dialing> dial);

}  // namespace kp2p
