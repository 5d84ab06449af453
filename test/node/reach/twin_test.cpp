// Two nodes with one key, as after a home directory was copied. In virtual time.
#include "node/reach/twin.hpp"

#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

bool announced(const Member& member) { return member.swarm.announcer().relays().size() == 3; }

auto times_told(const Member& member) {
    return std::ranges::count_if(member.log, [](const std::string& line) {
        return line.find("runs with the key of this one") != line.npos;
    });
}

}  // namespace

TEST_CASE("a node that starts with the key of one that runs is seen by both, and told once") {
    in_world(60, [](World& world, Tasks& all) -> Task<> {
        Member& first = world.add(Reach::behind_nat, hold);
        Member& second = world.add_twin_of(first, Reach::behind_nat, hold);
        co_await first.enter(all);
        auto there = co_await soon(world, 20s, [&] { return announced(first); });
        REQUIRE(there);
        CHECK(!first.swarm.twin());
        co_await second.enter(all);
        auto seen =
            co_await soon(world, 10s, [&] { return first.swarm.twin() && second.swarm.twin(); });
        REQUIRE(seen);
        CHECK(Endpoint::parse(first.swarm.twin()->what)->host == second.node.address.host);
        CHECK(Endpoint::parse(second.swarm.twin()->what)->host == first.node.address.host);
        auto later = co_await world.sim.clock().sleep_for(1h);
        CHECK(later);
        CHECK(first.swarm.twin());
        CHECK(times_told(first) == 1);
        CHECK(times_told(second) == 1);
    });
}

TEST_CASE("of two that start at one moment each is seen at the next announcement") {
    in_world(61, [](World& world, Tasks& all) -> Task<> {
        Member& first = world.add(Reach::behind_nat, hold);
        Member& second = world.add_twin_of(first, Reach::behind_nat, hold);
        all.spawn(first.enter(all));
        all.spawn(second.enter(all));
        auto seen =
            co_await soon(world, 11min, [&] { return first.swarm.twin() && second.swarm.twin(); });
        CHECK(seen);
    });
}

TEST_CASE("a node alone, and one that was started again, see no twin") {
    in_world(62, [](World& world, Tasks& all) -> Task<> {
        Member& before = world.add(Reach::behind_nat, hold);
        Member& after = world.add_twin_of(before, Reach::behind_nat, hold);
        auto life = co_await with_tasks([&](Tasks& own) -> Task<> {
            co_await before.enter(own);
            auto slept = co_await world.sim.clock().sleep_for(1h);
            CHECK(slept);
            own.cancel();
        });
        (void)life;  // it was killed, and its records are there still
        CHECK(times_told(before) == 0);
        co_await after.enter(all);
        auto slept = co_await world.sim.clock().sleep_for(1h);
        CHECK(slept);
        CHECK(times_told(after) == 0);
    });
}

TEST_CASE("a twin is forgotten some time after it has ended") {
    in_world(63, [](World& world, Tasks& all) -> Task<> {
        Member& first = world.add(Reach::behind_nat, hold);
        Member& second = world.add_twin_of(first, Reach::behind_nat, hold);
        co_await first.enter(all);
        auto there = co_await soon(world, 20s, [&] { return announced(first); });
        REQUIRE(there);
        auto life = co_await with_tasks([&](Tasks& own) -> Task<> {
            co_await second.enter(own);
            auto seen = co_await soon(world, 10s, [&] { return first.swarm.twin().has_value(); });
            CHECK(seen);
            own.cancel();
        });
        (void)life;
        auto gone = co_await soon(world, 2 * Twin::memory, [&] { return !first.swarm.twin(); });
        CHECK(gone);
    });
}

TEST_CASE("over TCP a twin is seen where it is said to be, and the node itself is none") {
    in_world(64, [](World& world, Tasks& all) -> Task<> {
        Member& first = world.add(Reach::behind_nat, hold, {&world.doors});
        Member& second = world.add_twin_of(first, Reach::behind_nat, hold, {&world.doors});
        all.spawn(first.swarm.run());
        all.spawn(second.swarm.run());
        first.swarm.look_for_twin({first.door->local()});
        auto slept = co_await world.sim.clock().sleep_for(30s);
        CHECK(slept);
        CHECK(!first.swarm.twin());
        first.swarm.look_for_twin({second.door->local()});
        auto seen =
            co_await soon(world, 10s, [&] { return first.swarm.twin() && second.swarm.twin(); });
        CHECK(seen);
        CHECK(first.swarm.connections().empty());
        CHECK(second.swarm.connections().empty());
    });
}
