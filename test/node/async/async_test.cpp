#include <asio/thread_pool.hpp>
#include <thread>

#include "node/async/event.hpp"
#include "node/async/offload_long.hpp"
#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace std::chrono_literals;

namespace {

SteadyClock wall;

Task<Result<int>> late() {
    auto slept = co_await wall.sleep_for(1h);
    if (!slept) co_return slept.error();
    co_return 1;
}

Task<> times_out() {
    auto result = co_await with_timeout(wall, 2ms, late());
    CHECK(result.error() == Errc::timed_out);
}

Task<> requires_fails() {
    REQUIRE(1 == 2);
    co_return;
}

Task<> sleeper(int& ended) {
    auto slept = co_await wall.sleep_for(1h);
    if (!slept) ++ended;
}

Task<> thrower() {
    co_await asio::post(use_result);  // so that its sibling waits by then
    throw std::runtime_error("child");
}

Task<> child_failure_cancels_siblings() {
    int ended = 0;
    bool caught = false;
    try {
        auto body = [&](Tasks& all) -> Task<> {
            all.spawn(sleeper(ended));
            all.spawn(thrower());
            co_return;
        };
        auto done = co_await with_tasks(body);
        CHECK(done);
    } catch (const std::runtime_error&) {
        caught = true;
    }
    CHECK(caught);
    CHECK(ended == 1);
}

Task<> offload_returns() {
    asio::thread_pool pool(1);
    auto work = [] { return 41 + 1; };
    const int answer = co_await offload(pool, work);
    CHECK(answer == 42);
    pool.join();
}

Task<Result<void>> work_until_stopped(asio::thread_pool& pool, bool& stopped) {
    auto work = [&stopped](const std::stop_token& stop) -> Result<void> {
        while (!stop.stop_requested()) std::this_thread::yield();
        stopped = true;
        return Errc::canceled;
    };
    co_return co_await offload_long(pool, work);
}

Task<> long_work_stops() {
    SteadyClock clock;
    asio::thread_pool pool(1);
    bool stopped = false;
    auto work = work_until_stopped(pool, stopped);
    auto done = co_await with_timeout(clock, std::chrono::milliseconds(1), std::move(work));
    CHECK(!done);
    CHECK(stopped);
    pool.join();
}

}  // namespace

TEST_CASE("with_timeout reports a late operation") { test::run(times_out()); }
TEST_CASE("REQUIRE in a coroutine stops the test" * doctest::should_fail()) {
    test::run(requires_fails());
}
TEST_CASE("a child that throws cancels its siblings") {
    test::run(child_failure_cancels_siblings());
}
TEST_CASE("offload resumes with the value") { test::run(offload_returns()); }
TEST_CASE("long work on a pool is stopped when who waits for it is cancelled") {
    test::run(long_work_stops());
}
