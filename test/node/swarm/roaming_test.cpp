// A node whose public address changes is found at the new one, at once.
#include <doctest/doctest.h>

#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

using Kind = SimNat::Kind;

constexpr Sim::Conditions lab{0, std::chrono::milliseconds(20), std::chrono::milliseconds(20)};
const Endpoint elsewhere = host_of(7000);

Task<Clock::Span> connect_time(World& world, Member& client, Member& server) {
    const auto began = world.sim.clock().now();
    auto connection = co_await client.swarm.connect(server.swarm.node_id());
    REQUIRE(connection);
    co_await check_echo(**connection);
    co_return world.sim.clock().now() - began;
}

// The server's relays have it at its new address.
bool is_announced_there(const Member& server) {
    const auto& relays = server.swarm.announcer().relays();
    return relays.size() == 3 && std::ranges::all_of(relays, [](const auto& relay) {
               return relay.peer.host == elsewhere.host;
           });
}

}  // namespace

TEST_CASE("a client that comes ten seconds after a provider has moved reaches it at once") {
    for (const Kind kind : {Kind::full_cone, Kind::port_restricted, Kind::random}) {
        CAPTURE(int(kind));
        in_world(90 + int(kind), lab, [&](World& world, Tasks& all) -> Task<> {
            Member& server = world.add(kind, echo);
            Member& client = world.add(Kind::full_cone, hold);
            co_await server.enter(all);
            co_await client.enter(all);
            auto announced = co_await soon(
                world, 20s, [&] { return server.swarm.announcer().relays().size() == 3; });
            REQUIRE(announced);
            world.sim.nat(server.node.address, kind, elsewhere);
            auto moved = co_await soon(world, 10s, [&] { return is_announced_there(server); });
            CHECK(moved);
            const auto took = co_await connect_time(world, client, server);
            CHECK(took < 10s);
        });
    }
}

// What the other dials then leads nowhere, though of two at the same time both would keep that one.
TEST_CASE("who moves while it is dialed is let in when it dials") {
    for (auto moves_after = 0ms; moves_after < 400ms; moves_after += 20ms) {
        CAPTURE(moves_after.count());
        in_world(120, lab, [&](World& world, Tasks& all) -> Task<> {
            Member& stays = world.add(Kind::full_cone, echo);
            Member& moves = world.add(Kind::full_cone, hold);
            REQUIRE(moves.swarm.node_id() < stays.swarm.node_id());
            co_await moves.enter(all);
            co_await stays.enter(all);
            auto announced = co_await soon(world, 20s, [&] {
                return moves.swarm.announcer().relays().size() == 3 &&
                       stays.swarm.announcer().relays().size() == 3;
            });
            REQUIRE(announced);
            const auto dial = [](Swarm& from, NodeId to) -> Task<> {
                auto connection = co_await from.connect(to);
                (void)connection;
            };
            all.spawn(dial(stays.swarm, moves.swarm.node_id()));
            auto passed = co_await world.sim.clock().sleep_for(moves_after);
            REQUIRE(passed);
            world.sim.nat(moves.node.address, Kind::full_cone, elsewhere);
            const bool has_come = !moves.swarm.connections().empty();
            if (has_come) co_return;  // then the vigil is for that
            all.spawn(dial(moves.swarm, stays.swarm.node_id()));
            const auto meet = [&] {
                const auto here = moves.swarm.connections(), there = stays.swarm.connections();
                return here.size() == 1 && there.size() == 1 &&
                       here[0]->handshake_hash() == there[0]->handshake_hash();
            };
            auto met = co_await soon(world, 3s, meet);
            CHECK(met);
            auto settled = co_await world.sim.clock().sleep_for(2s);  // a second dial is under way
            REQUIRE(settled);
            REQUIRE(meet());
            co_await check_echo(*moves.swarm.connections()[0]);
        });
    }
}

TEST_CASE("who hears that it may be elsewhere has itself announced there at once") {
    for (const bool moves : {true, false}) {
        CAPTURE(moves);
        in_world(94, lab, [&](World& world, Tasks& all) -> Task<> {
            Member& server = world.add(Kind::full_cone, echo);
            co_await server.enter(all);
            auto announced = co_await soon(
                world, 20s, [&] { return server.swarm.announcer().relays().size() == 3; });
            REQUIRE(announced);
            auto slept = co_await world.sim.clock().sleep_for(3100ms);  // behind a round of pings
            CHECK(slept);
            const auto moves_before = server.node.dht.moves();
            if (moves) world.sim.nat(server.node.address, Kind::full_cone, elsewhere);
            server.swarm.doubt(Swarm::Doubt::of_place);
            auto there = co_await soon(world, 1500ms, [&] { return is_announced_there(server); });
            CHECK(there == moves);
            CHECK((server.node.dht.moves() > moves_before) == moves);
        });
    }
}

TEST_CASE("a node that stays where it is does not announce itself anew") {
    in_world(97, lab, [&](World& world, Tasks& all) -> Task<> {
        Member& server = world.add(Kind::full_cone, echo);
        co_await server.enter(all);
        auto announced = co_await soon(
            world, 20s, [&] { return server.swarm.announcer().relays().size() == 3; });
        REQUIRE(announced);
        const auto relays = server.swarm.announcer().relays();
        const auto slept = co_await world.sim.clock().sleep_for(30s);
        CHECK(slept);
        CHECK(server.swarm.announcer().relays() == relays);
        CHECK(std::ranges::none_of(server.log, [](const std::string& line) {
            return line.find("another address") != line.npos;
        }));
    });
}
