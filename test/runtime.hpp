// RealRuntime: the machine's clock, generator and threads, for tests that are not about time.
#pragma once

#include "node/async/runtime.hpp"

namespace kp2p::test {

struct RealRuntime {
    explicit RealRuntime(Executor executor) : runtime{executor, clock, random, pool} {}
    RealRuntime(const RealRuntime&) = delete;

    SteadyClock clock;
    SystemRandom random;
    ThreadPool pool{2};
    Runtime runtime;
};

}  // namespace kp2p::test
