// Hole punching between whole nodes behind simulated NATs.
#include <doctest/doctest.h>

#include "node/async/timeout.hpp"
#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

using Kind = SimNat::Kind;

struct Pair {
    const char* name;
    Kind client, server;
    std::chrono::milliseconds within;  // both; none: never
    std::chrono::milliseconds client_within = within;
};

// One way takes 20 ms, as in the laboratory of test/nat.
constexpr Sim::Conditions lab{0, std::chrono::milliseconds(20), std::chrono::milliseconds(20)};

template <class Test>
void between(std::uint64_t seed, Kind client_kind, Kind server_kind, Test test) {
    in_world(seed, lab, [&](World& world, Tasks& all) -> Task<> {
        Member& server = world.add(server_kind, echo);
        Member& client = world.add(client_kind, hold);
        co_await server.enter(all);
        co_await client.enter(all);
        auto announced = co_await soon(
            world, 20s, [&] { return server.swarm.announcer().relays().size() == 3; });
        REQUIRE(announced);
        co_await test(world, client, server);
    });
}

// Until both have the connection; the client may have it before.
Task<Clock::Span> connect_time(World& world, Member& client, Member& server,
                               Clock::Span* of_client = nullptr) {
    const auto began = world.sim.clock().now();
    auto connection = co_await client.swarm.connect(server.swarm.node_id());
    if (!connection) co_return Clock::Span::zero();
    if (of_client) *of_client = world.sim.clock().now() - began;
    auto proven = co_await soon(world, 5s, [&] {
        return std::ranges::any_of(server.swarm.connections(), [&](const auto& there) {
            return there->remote() == client.swarm.node_id();
        });
    });
    CHECK(proven);
    const auto took = world.sim.clock().now() - began;
    co_await check_echo(**connection);
    co_return took;
}

TEST_CASE("nodes behind NATs reach each other") {
    const Pair pairs[] = {
        {"both port-restricted", Kind::port_restricted, Kind::port_restricted, 400ms},
        {"full cone to port-restricted", Kind::full_cone, Kind::port_restricted, 400ms},
        {"address-restricted to full cone", Kind::address_restricted, Kind::full_cone, 400ms},
        {"random to full cone", Kind::random, Kind::full_cone, 700ms, 190ms},
        {"full cone to random", Kind::full_cone, Kind::random, 700ms, 190ms},
        {"random to address-restricted", Kind::random, Kind::address_restricted, 700ms, 190ms},
        {"address-restricted to random", Kind::address_restricted, Kind::random, 700ms, 190ms},
        {"random to port-restricted", Kind::random, Kind::port_restricted, 8s},
        {"port-restricted to random", Kind::port_restricted, Kind::random, 8s},
        {"sequential to port-restricted", Kind::sequential, Kind::port_restricted, 900ms},
        {"port-restricted to sequential", Kind::port_restricted, Kind::sequential, 900ms},
        {"both sequential", Kind::sequential, Kind::sequential, 1500ms},
        {"both random", Kind::random, Kind::random, 0ms},
        {"random to sequential", Kind::random, Kind::sequential, 0ms},
    };
    for (const Pair& pair : pairs) {
        CAPTURE(pair.name);
        between(50, pair.client, pair.server,
                [&](World& world, Member& client, Member& server) -> Task<> {
                    Clock::Span of_client{};
                    auto took = co_await connect_time(world, client, server, &of_client);
                    const auto why = reasons(client.swarm, server.swarm.node_id());
                    CAPTURE(why);
                    CAPTURE(std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
                    if (pair.within == 0ms) {
                        CHECK(took == Clock::Span::zero());
                        CHECK(why.find("both NATs draw a port for each destination") != why.npos);
                        co_return;
                    }
                    CHECK(took > Clock::Span::zero());
                    CHECK(took <= pair.within);
                    CHECK(of_client <= pair.client_within);
                });
    }
}

TEST_CASE("why nobody of a topic is reached is told for the topic") {
    between(
        54, Kind::random, Kind::random, [](World& world, Member& client, Member& server) -> Task<> {
            for (Member* member : {&client, &server}) member->swarm.join(Topic());
            auto told =
                co_await soon(world, 60s, [&] { return !client.swarm.why_none(Topic()).empty(); });
            REQUIRE(told);
            const auto why = client.swarm.why_none(Topic());
            CHECK(why.size() == 1);
            CHECK(why.front().node == server.swarm.node_id());
            const std::uint8_t other[Topic::size_bytes] = {1};
            CHECK(client.swarm.why_none(*Topic::from(other)).empty());
            CHECK(client.swarm.settling(Topic()));  // it answered, and is dialed again
        });
}

TEST_CASE("a second client need not wait for the first one's punch") {
    between(52, Kind::random, Kind::port_restricted,
            [](World& world, Member& client, Member& server) -> Task<> {
                Member& other = world.add(Kind::random, hold);
                auto both = co_await with_tasks([&](Tasks& all) -> Task<> {
                    co_await other.enter(all);
                    auto one = world.sim.clock().now();
                    auto connect = [&](Member& from) -> Task<> {
                        auto connection = co_await from.swarm.connect(server.swarm.node_id());
                        CAPTURE(reasons(from.swarm, server.swarm.node_id()));
                        CHECK(connection);
                        CHECK(world.sim.clock().now() - one < 8s);
                    };
                    auto pair = co_await with_tasks([&](Tasks& two) -> Task<> {
                        two.spawn(connect(client));
                        two.spawn(connect(other));
                        co_return;
                    });
                    CHECK(pair);
                    all.cancel();
                });
                (void)both;
            });
}

TEST_CASE("a hole that is still open is used again") {
    between(53, Kind::port_restricted, Kind::port_restricted,
            [](World& world, Member& client, Member& server) -> Task<> {
                auto first = co_await connect_time(world, client, server);
                for (const auto& connection : client.swarm.connections()) connection->close();
                auto closed =
                    co_await soon(world, 3s, [&] { return server.swarm.connections().empty(); });
                CHECK(closed);
                auto again = co_await connect_time(world, client, server);
                CHECK(again > Clock::Span::zero());
                CHECK(again + 70ms < first);
            });
}

TEST_CASE("a stream goes on long after its punch") {
    between(51, Kind::port_restricted, Kind::port_restricted,
            [](World& world, Member& client, Member& server) -> Task<> {
                auto connection = co_await client.swarm.connect(server.swarm.node_id());
                REQUIRE(connection);
                auto slept = co_await world.sim.clock().sleep_for(60s);
                CHECK(slept);
                co_await check_echo(**connection);
            });
}

}  // namespace
