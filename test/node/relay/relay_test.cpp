// Streams through a relay between whole nodes behind simulated NATs.
#include <doctest/doctest.h>

#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

using Kind = SimNat::Kind;

constexpr Sim::Conditions lab{0, std::chrono::milliseconds(20), std::chrono::milliseconds(20)};
constexpr Clock::Span round_trip = std::chrono::milliseconds(40);

// As nodes that share a channel do.
Task<> echo_trusting(std::shared_ptr<Connection> connection) {
    connection->trust();
    co_await echo(connection);
}
Task<> hold_trusting(std::shared_ptr<Connection> connection) {
    connection->trust();
    co_await hold(connection);
}
// A relay offers itself to whom it trusts.
Task<> hold_trusting_one(std::shared_ptr<NodeId> one, std::shared_ptr<Connection> connection) {
    if (connection->remote() == *one) connection->trust();
    co_await hold(connection);
}

struct Three {
    World& world;
    Member &relay, &client, &server;

    void share_all() {
        for (Member* one : {&relay, &client, &server})
            for (Member* other : {&relay, &client, &server})
                one->shared_with.insert(other->swarm.node_id());
    }
    // `early` are connected to the relay before, and know that it is one.
    Task<> enter(Tasks& all) {
        const std::vector<Member*> both{&client, &server};
        co_await enter(all, both);
    }
    Task<> enter(Tasks& all, std::vector<Member*> early) {
        for (Member* member : {&relay, &client, &server}) co_await member->enter(all);
        auto announced = co_await soon(
            world, 20s, [&] { return server.swarm.announcer().relays().size() == 3; });
        REQUIRE(announced);
        for (Member* member : early) {
            auto connection = co_await member->swarm.connect(relay.swarm.node_id());
            REQUIRE(connection);
        }
        auto slept = co_await world.sim.clock().sleep_for(1s);  // the relay offers itself
        CHECK(slept);
    }
};

template <class Test>
void with_relay(std::uint64_t seed, Kind client_kind, Kind server_kind, Test test,
                const Sim::Conditions& conditions = lab) {
    in_world(seed, conditions, [&](World& world, Tasks& all) -> Task<> {
        Member& relay = world.add(Reach::open, hold_trusting);
        Member& server = world.add(server_kind, echo_trusting);
        Member& client = world.add(client_kind, hold_trusting);
        Three three{world, relay, client, server};
        co_await test(three, all);
    });
}

}  // namespace

TEST_CASE("nodes behind random NATs reach each other through a relay that both know") {
    with_relay(60, Kind::random, Kind::random, [](Three& three, Tasks& all) -> Task<> {
        three.share_all();
        co_await three.enter(all);
        const auto began = three.world.sim.clock().now();
        auto connection = co_await three.client.swarm.connect(three.server.swarm.node_id());
        const auto why = reasons(three.client.swarm, three.server.swarm.node_id());
        CAPTURE(why);
        REQUIRE(connection);
        CHECK(three.world.sim.clock().now() - began < 1s);
        CHECK((*connection)->path().kind == Path::Kind::relayed);
        co_await check_echo(**connection);
        const RelayCounts counts = three.relay.swarm.relay_counts();
        CHECK(counts.serves);
        CHECK(counts.pairs == 1);
        CHECK(counts.forwarded.bytes > 200000);
    });
}

TEST_CASE("a node that was not at the relay asks it for the other at once") {
    in_world(67, lab, [](World& world, Tasks& all) -> Task<> {
        const auto offered_to = std::make_shared<NodeId>();
        const auto serve = [offered_to](std::shared_ptr<Connection> connection) {
            return hold_trusting_one(offered_to, std::move(connection));
        };
        Member& relay = world.add(Reach::open, serve);
        Member& server = world.add(Kind::random, echo_trusting);
        Member& client = world.add(Kind::random, hold_trusting);
        *offered_to = server.swarm.node_id();
        Three three{world, relay, client, server};
        three.share_all();
        const std::vector<Member*> early{&server};
        co_await three.enter(all, early);
        const auto began = world.sim.clock().now();
        auto connection = co_await client.swarm.connect(server.swarm.node_id());
        REQUIRE(connection);
        CHECK((*connection)->path().kind == Path::Kind::relayed);
        CHECK(world.sim.clock().now() - began <= 9 * round_trip);
    });
}

// An address that has shown nothing yet may be somebody's whom we are to send much to.
TEST_CASE(
    "what is said first leaves with the first packet through a relay, else a round trip later") {
    for (const Kind kind : {Kind::random, Kind::full_cone}) {
        const bool relayed = kind == Kind::random;
        CAPTURE(relayed);
        in_world(69, lab, [&](World& world, Tasks& all) -> Task<> {
            Clock& clock = world.sim.clock();
            Clock::Time opened{};
            const auto greet = [&](std::shared_ptr<Connection> connection) -> Task<> {
                connection->trust();
                auto channel = co_await connection->open(protocol, ByteVector(), ByteVector());
                if (channel && connection->role() == Role::responder) opened = clock.now();
                auto ended = co_await connection->closed();
                (void)ended;
            };
            Member& relay = world.add(Reach::open, hold_trusting);
            Member& server = world.add(kind, greet);
            Member& client = world.add(kind, greet);
            Three three{world, relay, client, server};
            three.share_all();
            co_await three.enter(all);
            auto connection = co_await client.swarm.connect(server.swarm.node_id());
            REQUIRE(connection);
            CHECK((*connection)->path().kind ==
                  (relayed ? Path::Kind::relayed : Path::Kind::direct));
            while (!server.swarm.best(client.swarm.node_id())) {
                auto slept = co_await clock.sleep_for(1ms);
                REQUIRE(slept);
            }
            const auto established = clock.now();
            auto open = co_await soon(world, 1s, [&] { return opened > Clock::Time(); });
            REQUIRE(open);
            CHECK((opened < established + 1ms) == relayed);
        });
    }
}

TEST_CASE("a relayed stream goes on without the relay when a punch succeeds") {
    with_relay(61, Kind::random, Kind::port_restricted, [](Three& three, Tasks& all) -> Task<> {
        three.share_all();
        co_await three.enter(all);
        auto connection = co_await three.client.swarm.connect(three.server.swarm.node_id());
        REQUIRE(connection);
        CHECK((*connection)->path().kind == Path::Kind::relayed);
        auto channel = co_await (*connection)->open(protocol, ByteVector(), ByteVector());
        REQUIRE(channel);
        const auto there = [&] { return three.server.swarm.best(three.client.swarm.node_id()); };
        auto direct = co_await soon(three.world, 30s, [&] {
            return (*connection)->path().kind == Path::Kind::direct &&
                   there()->path().kind == Path::Kind::direct;
        });
        CHECK(direct);
        auto let_go = co_await soon(three.world, 60s,
                                    [&] { return three.relay.swarm.relay_counts().pairs == 0; });
        CHECK(let_go);
        const ByteVector payload(100000, 7);  // over the very channel that was opened before
        auto sent = co_await (*channel)->send(3, payload);
        CHECK(sent);
        auto back = co_await (*channel)->receive();
        REQUIRE(back);
        CHECK(as_text(back->payload) == as_text(payload));
    });
}

// As just after the start: what begins then names no relay, and may take long.
TEST_CASE("a relay that becomes known while a hole is punched is used meanwhile") {
    with_relay(68, Kind::random, Kind::port_restricted, [](Three& three, Tasks& all) -> Task<> {
        three.share_all();
        const std::vector<Member*> early{&three.server};
        co_await three.enter(all, early);
        Sim& sim = three.world.sim;
        const auto no_probes = [](ByteVector& bytes) { return bytes.size() == 1 ? 0u : 1u; };
        sim.meddle(three.server.node.address, no_probes);
        const auto go_to_relay = [&]() -> Task<> {
            auto slept = co_await sim.clock().sleep_for(300ms);
            if (!slept) co_return;
            auto connection = co_await three.client.swarm.connect(three.relay.swarm.node_id());
            CHECK(connection);
        };
        all.spawn(go_to_relay());
        const auto began = sim.clock().now();
        auto connection = co_await three.client.swarm.connect(three.server.swarm.node_id());
        const auto why = reasons(three.client.swarm, three.server.swarm.node_id());
        CAPTURE(why);
        REQUIRE(connection);
        CHECK((*connection)->path().kind == Path::Kind::relayed);
        CHECK(sim.clock().now() - began < 1500ms);
        auto channel = co_await (*connection)->open(protocol, ByteVector(), ByteVector());
        REQUIRE(channel);
        // The very punch that was under way goes on.
        sim.meddle(three.server.node.address, [](ByteVector&) { return 1u; });
        auto direct = co_await soon(
            three.world, 10s, [&] { return (*connection)->path().kind == Path::Kind::direct; });
        CHECK(direct);
        const ByteVector payload(1000, 7);
        auto sent = co_await (*channel)->send(3, payload);
        CHECK(sent);
        auto back = co_await (*channel)->receive();
        CHECK(back);
    });
}

// What a moment has spoilt is tried once more; later, where there is work.
void leaves_relay(Clock::Span opens_after, bool at_work) {
    in_world(66, lab, [&](World& world, Tasks& all) -> Task<> {
        Member& relay = world.add(Reach::open, hold_trusting);
        Member& server = world.add(Reach::behind_nat, echo_trusting, {&world.doors});
        Member& client = world.add(Reach::behind_nat, hold_trusting, {&world.doors});
        std::uint32_t outside = 2000;
        for (Member* member : {&server, &client}) {
            world.sim.nat(member->node.address, Kind::random, host_of(++outside));
            world.doors.swallow(member->door->local());
        }
        Three three{world, relay, client, server};
        three.share_all();
        co_await three.enter(all);
        auto connection = co_await client.swarm.connect(server.swarm.node_id());
        REQUIRE(connection);
        auto slept = co_await world.sim.clock().sleep_for(opens_after);
        CHECK(slept);
        const auto kind = [&] {
            const auto best = client.swarm.best(server.swarm.node_id());
            return best ? best->path().kind : Path::Kind::tunnelled;
        };
        CHECK(kind() == Path::Kind::relayed);
        for (Member* member : {&server, &client})
            world.sim.nat_of(member->node.address).become(Kind::full_cone);
        if (at_work) {
            slept = co_await world.sim.clock().sleep_for(30s);
            CHECK(slept);
            CHECK(kind() == Path::Kind::relayed);  // nothing is on its way
            client.working_with.insert(server.swarm.node_id());
        }
        auto direct = co_await soon(world, 60s, [&] { return kind() == Path::Kind::direct; });
        CHECK(direct);
        const auto best = client.swarm.best(server.swarm.node_id());
        REQUIRE(best);
        co_await check_echo(*best);
    });
}

TEST_CASE("a relay is left when a NAT lets a hole be punched that did not before") {
    leaves_relay(2s, false);
    leaves_relay(30s, true);
}

TEST_CASE("a node relays for members of its channels alone") {
    with_relay(62, Kind::random, Kind::random, [](Three& three, Tasks& all) -> Task<> {
        three.share_all();
        three.relay.shared_with.clear();  // it knows neither of them
        co_await three.enter(all);
        auto connection = co_await three.client.swarm.connect(three.server.swarm.node_id());
        CHECK(!connection);
        CHECK(three.relay.swarm.relay_counts().all_pairs == 0);
        CHECK(three.relay.swarm.relay_counts().forwarded.packets == 0);
    });
}

TEST_CASE("a relay that goes takes only what it carries with it") {
    with_relay(63, Kind::random, Kind::random, [](Three& three, Tasks& all) -> Task<> {
        three.share_all();
        co_await three.enter(all);
        auto connection = co_await three.client.swarm.connect(three.server.swarm.node_id());
        REQUIRE(connection);
        three.relay.swarm.best(three.client.swarm.node_id())->close();
        auto ended = co_await soon(three.world, 60s, [&] { return (*connection)->is_closed(); });
        CHECK(ended);
        CHECK(three.relay.swarm.relay_counts().pairs == 0);
    });
}

TEST_CASE("what a relay drops, repeats and reorders comes whole") {
    const Sim::Conditions rough{0, std::chrono::milliseconds(5), std::chrono::milliseconds(45)};
    with_relay(
        64, Kind::random, Kind::random,
        [](Three& three, Tasks& all) -> Task<> {
            three.share_all();
            co_await three.enter(all);
            auto connection = co_await three.client.swarm.connect(three.server.swarm.node_id());
            REQUIRE(connection);
            const auto count = std::make_shared<unsigned>(0);  // there are packets after the end
            three.world.sim.meddle(three.relay.node.address, [count](ByteVector&) {
                return ++*count % 10 == 0 ? 0u : *count % 3 + 1;
            });
            co_await check_echo(**connection);
            CHECK(*count > 100);
        },
        rough);
}

TEST_CASE("what a relay alters reaches nobody") {
    with_relay(65, Kind::random, Kind::random, [](Three& three, Tasks& all) -> Task<> {
        three.share_all();
        co_await three.enter(all);
        auto connection = co_await three.client.swarm.connect(three.server.swarm.node_id());
        REQUIRE(connection);
        auto channel = co_await (*connection)->open(protocol, ByteVector(), ByteVector());
        REQUIRE(channel);
        three.world.sim.meddle(three.relay.node.address, [](ByteVector& bytes) {
            if (bytes.size() > 500) bytes[400] ^= 1;
            return 1u;
        });
        auto sent = co_await (*channel)->send(3, ByteVector(100000, 7));
        CHECK(sent);
        auto back = co_await (*channel)->receive();
        CHECK(!back);
        CHECK((*connection)->is_closed());
    });
}
