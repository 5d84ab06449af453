#include "node/share/fetch/put_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "node/async/tasks.hpp"
#include "test/run.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

class HeldPool final : public Pool {  // works when it is told to
  public:
    void post(Work work) override { held_.push_back(std::move(work)); }
    bool start(Work work) override { return post(std::move(work)), true; }
    std::size_t held() const { return held_.size(); }
    void work() {
        const Work first = std::move(held_.front());
        held_.pop_front();
        first();
    }

  private:
    std::deque<Work> held_;
};

struct PuttingWorld {
    explicit PuttingWorld(Executor executor) : queue(executor, pool, store) {}
    TempDir directory;
    Store store = *Store::open(directory.path());
    HeldPool pool;
    PutQueue queue;
    int put = 0, cancelled = 0;

    static PutQueue::Content content(int number) {
        const proto::Payload bytes = ByteVector(static_cast<std::size_t>(number) + 1, 7);
        return {proto::sha1_of(bytes), {bytes}};
    }
    bool is_there(int number) const { return bool(store.find(content(number).sha1)); }
};

Task<> put_one(PuttingWorld& world, int number) {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto done = co_await world.queue.put(PuttingWorld::content(number));
    ++(done ? world.put : world.cancelled);
    if (done) CHECK(world.is_there(number));
}

Task<> let_others_run() { co_await asio::post(asio::use_awaitable); }

Task<> written_together() {
    PuttingWorld world(co_await asio::this_coro::executor);
    auto body = [&](Tasks& all) -> Task<> {
        for (int i = 0; i < 10; ++i) all.spawn(put_one(world, i));
        CHECK(world.pool.held() == 1);  // of the first, while the others wait
        world.pool.work();
        while (world.pool.held() == 0) co_await let_others_run();
        CHECK(world.put == 1);
        world.pool.work();
    };
    auto done = co_await with_tasks(body);
    CHECK(done);
    CHECK(world.put == 10);
    CHECK(world.pool.held() == 1);  // what they had in common is let go of, not on the loop
    world.pool.work();
    CHECK(world.pool.held() == 0);
}

// Who writes for the others goes while he does, and one of those who wait.
Task<> left_by_two() {
    PuttingWorld world(co_await asio::this_coro::executor);
    auto body = [&](Tasks& stay) -> Task<> {
        auto leaving = [&](Tasks& leave) -> Task<> {
            co_await asio::this_coro::throw_if_cancelled(false);
            leave.spawn(put_one(world, 0));
            leave.spawn(put_one(world, 1));
            stay.spawn(put_one(world, 2));
            stay.spawn(put_one(world, 3));
            leave.cancel();
            co_await let_others_run();
            world.pool.work();
        };
        auto left = co_await with_tasks(leaving);
        CHECK(left);
        while (world.pool.held() == 0) co_await let_others_run();
        world.pool.work();
    };
    auto done = co_await with_tasks(body);
    CHECK(done);
    CHECK(world.put == 3);  // what was begun is ended
    CHECK(world.cancelled == 1);
    CHECK_FALSE(world.is_there(1));
}

}  // namespace

TEST_CASE("files that come while one is being written are written together") {
    run(written_together());
}

TEST_CASE("nobody waits in vain for one who wrote for all and is gone") { run(left_by_two()); }
