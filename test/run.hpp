// test::run: runs one coroutine on a fresh loop to its end and rethrows what it throws, so that
// REQUIRE works inside. Await into a local, then CHECK the local. A body that takes longer than a
// minute hangs: that ends the process, and says in which test.
#pragma once

#include <doctest/doctest.h>

#include <chrono>

#include "node/async/asio.hpp"
#include "test/hang.hpp"

namespace kp2p::test {

inline constexpr std::chrono::minutes run_limit{1};

inline void run(Task<> body) {
    asio::io_context loop{1};
    std::exception_ptr thrown;
    bool done = false;
    asio::co_spawn(loop, std::move(body), [&](std::exception_ptr e) {
        thrown = e;
        done = true;
    });
    loop.run_for(run_limit);
    if (!loop.stopped()) give_up("it takes longer than a minute");
    CHECK(done);
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace kp2p::test
