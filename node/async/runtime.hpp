// Runtime: what a node gets from outside besides its sockets and its storage. With all of it made
// of one seed, a test replays to the same trace. Outlives everything that it is given to.
#pragma once

#include <functional>
#include <string>

#include "node/async/clock.hpp"
#include "node/async/random.hpp"
#include "node/threads/pool.hpp"

namespace kp2p {

struct Runtime {
    // One line each, of `room`: the part of the node that has something to say.
    using Log = std::function<void(const char* room, const std::string& line)>;

    Executor executor;  // the loop's
    Clock& clock;
    Random& random;
    Pool& pool;
    Log log = [](const char*, const std::string&) {};
    Log debug = [](const char*, const std::string&) {};  // for who looks into something
};

}  // namespace kp2p
