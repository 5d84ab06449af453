// Who is asked, on which thread, and what happens when nobody answers. No router is needed.
#include "node/mapping/gateway.hpp"

#include <doctest/doctest.h>

#include <future>

#include "node/async/tasks.hpp"
#include "node/mapping/gateway_thread.hpp"
#include "proto/outcome.hpp"
#include "test/hand_clock.hpp"
#include "test/run.hpp"
#include "test/sim/sim.hpp"

using namespace kp2p;

namespace {

struct Told {
    Result<Mapping> answer = Errc::not_found;
    int asked = 0, unmapped = 0;
};

class ToldGateway final : public Gateway {
  public:
    explicit ToldGateway(Told& told) : told_(told) {}
    Result<Mapping> map(const MappingWish&) override {
        ++told_.asked;
        return told_.answer;
    }
    void unmap() override { ++told_.unmapped; }

  private:
    Told& told_;
};

Mapping mapping_by(Mapping::Method method) {
    Mapping mapping;
    mapping.method = method;
    mapping.udp_port = 1;
    return mapping;
}

// What a router is that accepts and says nothing.
class StuckGateway final : public Gateway {
  public:
    explicit StuckGateway(std::shared_future<void> back) : back_(std::move(back)) {}
    Result<Mapping> map(const MappingWish&) override {
        back_.wait();
        return mapping_by(Mapping::Method::upnp);
    }
    void unmap() override {}

  private:
    std::shared_future<void> back_;
};

struct World {
    World(Executor executor, std::shared_future<void> back)
        : clock(executor),
          runtime{executor, clock, random, pool},
          mapper(runtime, std::make_unique<StuckGateway>(std::move(back))) {}

    test::HandClock clock;
    SystemRandom random;
    ThreadPool pool{1};
    Runtime runtime;
    GatewayThread mapper;
    Result<Mapping> mapped;
    Result<void> unmapped;
};

Task<> map(World& world) { world.mapped = co_await world.mapper.map(MappingWish()); }
Task<> unmap(World& world) { world.unmapped = co_await world.mapper.unmap(); }

Task<> both_give_up(World& world) {
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(map(world));
        all.spawn(unmap(world));
        world.clock.advance(GatewayThread::limit);
        co_return;
    };
    (void)co_await with_tasks(body);
    CHECK(world.mapped.error() == Errc::timed_out);
    CHECK(world.unmapped.error() == Errc::timed_out);
}

}  // namespace

TEST_CASE("a router that does not answer holds up nobody for longer than the limit") {
    std::promise<void> promise;
    const std::shared_future<void> back = promise.get_future().share();
    auto body = [&]() -> Task<> {
        World world(co_await asio::this_coro::executor, back);
        co_await both_give_up(world);
        promise.set_value();
        auto again = co_await world.mapper.map(MappingWish());  // it waits for the thread
        REQUIRE(again);
        CHECK(again->udp_port == 1);
    };
    test::run(body());
}

TEST_CASE("a call that hangs may outlive whoever made it") {
    std::promise<void> promise;
    const std::shared_future<void> back = promise.get_future().share();
    auto body = [&]() -> Task<> {
        World world(co_await asio::this_coro::executor, back);
        co_await both_give_up(world);
    };
    test::run(body());
    promise.set_value();
}

TEST_CASE("the second gateway is asked where the first is none, and first from then on") {
    Told one, other;
    const auto both =
        first_gateway_of(std::make_unique<ToldGateway>(one), std::make_unique<ToldGateway>(other));
    CHECK(both->map({}).error() == Errc::not_found);
    other.answer = Errc::refused;
    CHECK(both->map({}).error() == Errc::refused);
    one.answer = Errc::refused;
    other.answer = Errc::not_found;
    CHECK(both->map({}).error() == Errc::refused);
    other.answer = mapping_by(Mapping::Method::upnp);
    CHECK(both->map({})->method == Mapping::Method::upnp);
    CHECK(one.asked == 4);
    CHECK(one.unmapped == 1);  // it may have granted something all the same
    CHECK(both->map({}));
    CHECK(one.asked == 4);
    both->unmap();
    CHECK(one.unmapped == 2);
    CHECK(other.unmapped == 1);
}

TEST_CASE("only a machine with private addresses alone asks") {
    const Host any, any6 = Host::any_v6(), home(192, 168, 1, 2), lab(10, 0, 0, 2),
                    carrier(100, 64, 0, 2), global(45, 0, 0, 1), loopback(127, 0, 0, 1),
                    link_local(169, 254, 0, 1);
    const Host global6 = *Host::parse("2606:4700::1"), private6 = *Host::parse("fd00::1");
    struct Row {
        const char* name;
        Host bound;
        std::vector<Host> interfaces;
        bool asks;
    } const rows[] = {
        {"at home", any, {home}, true},
        {"at home, with IPv6", any6, {home, global6}, true},
        {"behind a provider's NAT", any, {carrier}, true},
        {"a server with containers", any, {global, lab}, false},
        {"bound to one", home, {home, global}, true},
        {"bound to a public one", global, {home, global}, false},
        {"bound to loopback", loopback, {home}, false},
        {"without a network", any, {}, false},
        {"without an address", any, {link_local}, false},
        {"IPv6 alone", any6, {global6, private6}, false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(is_behind_nat(row.bound, row.interfaces) == row.asks);
    }
}
