#include "node/async/foreign_calls.hpp"

#include <future>

#include "node/async/tasks.hpp"
#include "proto/outcome.hpp"
#include "test/hand_clock.hpp"
#include "test/run.hpp"

using namespace kp2p;

namespace {

// What a dead mount is: calls to it return when it comes back.
struct Mount {
    std::promise<void> promise;
    std::shared_future<void> back = promise.get_future().share();
};

auto stuck(const Mount& mount) {
    return [back = mount.back]() -> Result<int> {
        back.wait();
        return 1;
    };
}

Result<int> answer() { return 42; }

struct World {
    explicit World(Executor executor) : clock(executor), runtime{executor, clock, random, pool} {}
    test::HandClock clock;
    SystemRandom random;
    ThreadPool pool{1};
    Runtime runtime;
    ForeignCalls calls{runtime};
    Mount mount;
    std::size_t timed_out = 0;
};

Task<> hang(World& world, std::string path) {
    auto called = co_await world.calls.call(path, stuck(world.mount));
    if (called.error() == Errc::timed_out) ++world.timed_out;
}

// `count` calls that hang, until their callers have gone.
Task<> hang_all(World& world, std::size_t count) {
    auto body = [&](Tasks& all) -> Task<> {
        for (std::size_t i = 0; i < count; ++i) all.spawn(hang(world, "/dead/file"));
        auto elsewhere = co_await world.calls.call("/well/file", answer);
        CHECK(*elsewhere == 42);
        world.clock.advance(ForeignCalls::limit);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
}

Task<> one_hanging_call_holds_up_nobody() {
    World world(co_await asio::this_coro::executor);
    co_await hang_all(world, 1);
    CHECK(world.timed_out == 1);
    auto beside = co_await world.calls.call("/dead/other", answer);
    CHECK(*beside == 42);
    world.mount.promise.set_value();
}

Task<> a_dead_directory_is_answered_at_once() {
    World world(co_await asio::this_coro::executor);
    const std::size_t many = 3 * ForeignCalls::max_threads_in_directory;
    co_await hang_all(world, many);
    CHECK(world.timed_out == many);
    auto there = co_await world.calls.call("/dead/other", answer);  // time stands still
    CHECK(there.error() == Errc::timed_out);
    auto elsewhere = co_await world.calls.call("/well/file", answer);
    CHECK(*elsewhere == 42);
    world.mount.promise.set_value();
    Result<int> again;
    while (!again) {
        again = co_await world.calls.call("/dead/other", answer);
        co_await asio::post(use_result);
    }
    CHECK(*again == 42);
}

}  // namespace

TEST_CASE("a call that hangs holds up nobody but its caller") {
    test::run(one_hanging_call_holds_up_nobody());
}
TEST_CASE("where all calls hang, others are answered at once until one comes back") {
    test::run(a_dead_directory_is_answered_at_once());
}
TEST_CASE("what hangs may outlive everybody") {
    Mount mount;
    auto body = [&]() -> Task<> {
        World world(co_await asio::this_coro::executor);
        world.mount.back = mount.back;
        co_await hang_all(world, 1);
    };
    test::run(body());
    mount.promise.set_value();
}
