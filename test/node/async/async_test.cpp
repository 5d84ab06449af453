#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <future>
#include <mutex>
#include <thread>

#include "node/async/event.hpp"
#include "node/async/offload.hpp"
#include "node/async/offload_long.hpp"
#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "test/run.hpp"
#include "test/runtime.hpp"

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

Task<> strand_does_one_at_a_time() {
    ThreadPool pool(4);
    Strand strand(pool);
    std::vector<int> order;
    std::atomic<int> at_once = 0, most = 0;
    auto do_one = [&](int number) -> Task<> {
        auto work = [&order, &at_once, &most, number] {
            if (const int now = ++at_once; now > most) most = now;
            for (int i = 0; i < 100; ++i) std::this_thread::yield();  // others would begin here
            if (at_once == 1) order.push_back(number);
            --at_once;
            return ok;
        };
        co_await offload(strand, work);
    };
    auto body = [&](Tasks& all) -> Task<> {
        for (int number = 0; number < 20; ++number) all.spawn(do_one(number));
        co_return;
    };
    auto done = co_await with_tasks(body);
    CHECK(done);
    CHECK(most == 1);
    CHECK(order.size() == 20);
    CHECK(std::ranges::is_sorted(order));
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
    ThreadPool pool(1);
    auto work = [] { return 41 + 1; };
    const int answer = co_await offload(pool, work);
    CHECK(answer == 42);
}

Task<Result<void>> work_until_stopped(LongThreads& threads, bool& stopped) {
    auto work = [&stopped](const std::stop_token& stop) -> Result<void> {
        while (!stop.stop_requested()) std::this_thread::yield();
        stopped = true;
        return Errc::canceled;
    };
    co_return co_await offload_long(threads, work);
}

Task<> long_work_stops() {
    SteadyClock clock;
    test::RealRuntime real(co_await asio::this_coro::executor);
    LongThreads threads(real.runtime);
    bool stopped = false;
    auto work = work_until_stopped(threads, stopped);
    auto done = co_await with_timeout(clock, std::chrono::milliseconds(1), std::move(work));
    CHECK(!done);
    CHECK(stopped);
}

void only_faults_and_the_alarm_come() {
    sigset_t held;
    REQUIRE(::pthread_sigmask(SIG_BLOCK, nullptr, &held) == 0);
    for (const int signal : {SIGHUP, SIGINT, SIGPIPE, SIGTERM}) CHECK(::sigismember(&held, signal));
    for (const int signal : {SIGALRM, SIGBUS, SIGSEGV}) CHECK(!::sigismember(&held, signal));
}

Task<> threads_take_no_signals() {
    sigset_t before, after;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
    ThreadPool pool(1);
    auto look = []() -> Result<void> { return only_faults_and_the_alarm_come(), ok; };
    (void)co_await offload(pool, look);
    std::promise<void> looked;
    pool.start([&] {
        only_faults_and_the_alarm_come();
        looked.set_value();
    });
    looked.get_future().wait();
    test::RealRuntime real(co_await asio::this_coro::executor);
    LongThreads threads(real.runtime);
    auto look_long = [](const std::stop_token&) -> Result<void> {
        return only_faults_and_the_alarm_come(), ok;
    };
    (void)co_await offload_long(threads, look_long);
    ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
    CHECK(::sigismember(&after, SIGTERM) == ::sigismember(&before, SIGTERM));
}

Task<> count_work(LongThreads& threads, std::size_t& ended) {
    auto work = [](const std::stop_token&) -> Result<void> { return ok; };
    auto done = co_await offload_long(threads, work);
    if (done) ++ended;
}

Task<> endless_work(LongThreads& threads) {
    auto work = [](const std::stop_token& stop) -> Result<void> {
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any never;
        never.wait(lock, stop, [] { return false; });
        return Errc::canceled;
    };
    (void)co_await offload_long(threads, work);
}

Task<> short_work_passes_long_work() {
    test::RealRuntime real(co_await asio::this_coro::executor);
    LongThreads threads(real.runtime);
    std::size_t ended = 0;
    auto body = [&](Tasks& all) -> Task<> {
        for (std::size_t i = 1; i < LongThreads::max_threads; ++i) all.spawn(endless_work(threads));
        for (int i = 0; i < 3; ++i) co_await count_work(threads, ended);
        all.cancel();
    };
    auto done = co_await with_tasks(body);
    CHECK(done);
    CHECK(ended == 3);
}

Task<> what_is_thrown_comes_home() {
    ThreadPool pool(1);
    bool caught = false;
    auto work = []() -> int { throw std::bad_alloc(); };
    try {
        (void)co_await offload(pool, work);
    } catch (const std::bad_alloc&) {
        caught = true;
    }
    CHECK(caught);
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
TEST_CASE("a strand does its work one after the other, in order") {
    test::run(strand_does_one_at_a_time());
}
TEST_CASE("offload throws what the work threw") { test::run(what_is_thrown_comes_home()); }
TEST_CASE("short work does not wait until long work has ended") {
    test::run(short_work_passes_long_work());
}
TEST_CASE("long work is stopped when who waits for it is cancelled") {
    test::run(long_work_stops());
}
TEST_CASE("a signal of the process is no thread's but the first's") {
    test::run(threads_take_no_signals());
}
