// test::run: runs one coroutine on a fresh loop to its end and rethrows what it throws, so that
// REQUIRE works inside. Await into a local, then CHECK the local.
#pragma once

#include <doctest/doctest.h>

#include "node/async/asio.hpp"

namespace kp2p::test {

inline void run(Task<> body) {
    asio::io_context loop{1};
    std::exception_ptr thrown;
    bool done = false;
    asio::co_spawn(loop, std::move(body), [&](std::exception_ptr e) {
        thrown = e;
        done = true;
    });
    loop.run();
    CHECK(done);
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace kp2p::test
