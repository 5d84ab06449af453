// TCP beside UDX and without it, in virtual time.
#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

// Serves as share does once a channel has been proven.
Task<> hold_trusted(std::shared_ptr<Connection> connection) {
    connection->trust();
    co_await hold(std::move(connection));
}

bool over(const Member& from, const Member& to, Path::Transport transport) {
    const auto best = from.swarm.best(to.swarm.node_id());
    return best && best->path().transport == transport;
}
bool both_over(const Member& a, const Member& b, Path::Transport transport) {
    return over(a, b, transport) && over(b, a, transport);
}

void share_a_channel(Member& a, Member& b) {
    a.shared_with.insert(b.swarm.node_id());
    b.shared_with.insert(a.swarm.node_id());
}

Task<std::shared_ptr<Connection>> meet(World& world, Member& from, Member& to, Tasks& all) {
    co_await to.enter(all);
    co_await from.enter(all);
    auto announced =
        co_await soon(world, 20s, [&] { return to.swarm.announcer().relays().size() == 3; });
    CHECK(announced);
    auto connection = co_await from.swarm.connect(to.swarm.node_id());
    REQUIRE(connection);
    CHECK((*connection)->path().transport == Path::Transport::udx);
    co_return *connection;
}

}  // namespace

TEST_CASE("members of a channel move to TCP, and back at once when it is cut") {
    for (const bool greater_dials : {true, false}) {
        in_world(60, [&](World& world, Tasks& all) -> Task<> {
            Member& a = world.add(Reach::open, hold_trusted, {&world.doors});
            Member& b = world.add(Reach::open, hold_trusted, {&world.doors});
            const bool a_is_greater = b.swarm.node_id() < a.swarm.node_id();
            Member& greater = a_is_greater ? a : b;
            Member& smaller = a_is_greater ? b : a;
            // Where nobody but the smaller gets through, it dials.
            if (!greater_dials) world.doors.swallow(smaller.door->local());
            share_a_channel(a, b);
            const auto udx = co_await meet(world, a, b, all);
            auto moved =
                co_await soon(world, 10s, [&] { return both_over(a, b, Path::Transport::tcp); });
            CHECK(moved);
            const auto best = greater.swarm.best(smaller.swarm.node_id());
            REQUIRE(best);
            CHECK((best->role() == Role::initiator) == greater_dials);
            CHECK(!udx->is_closed());
            world.doors.cut();
            auto back =
                co_await soon(world, 1s, [&] { return both_over(a, b, Path::Transport::udx); });
            CHECK(back);
            CHECK(a.swarm.best(b.swarm.node_id()) == udx);
            auto again =
                co_await soon(world, 90s, [&] { return both_over(a, b, Path::Transport::tcp); });
            CHECK(again);
            CHECK(!udx->is_closed());
        });
    }
}

TEST_CASE("whoever is in no channel of ours hears of no address and is told none") {
    for (const bool trusted : {true, false}) {
        in_world(61, [&](World& world, Tasks& all) -> Task<> {
            Member& a = world.add(Reach::open, hold_trusted, {&world.doors});
            Member& b = world.add(Reach::open, trusted ? hold_trusted : hold, {&world.doors});
            // b would say it all; a knows of no channel that they share.
            b.shared_with.insert(a.swarm.node_id());
            if (!trusted) share_a_channel(a, b);
            std::vector<std::shared_ptr<Connection>> kept;
            kept.push_back(co_await meet(world, b, a, all));
            auto slept = co_await world.sim.clock().sleep_for(30s);
            CHECK(slept);
            CHECK(over(b, a, Path::Transport::udx));
            CHECK(world.doors.connects() == 0);
        });
    }
}

TEST_CASE("a node that is said to be near is dialed without the DHT, as long as it is") {
    Sim sim(63);
    World world(sim);
    MemoryDoors& doors = world.doors;
    Member& server = world.add(Reach::open, hold_trusted, {&doors});
    Member& client = world.add(Reach::open, hold_trusted, {&doors});
    const Endpoint there = server.door->local();
    const NodeId other = proto::KeyPair::from_seed(seed_of(999)).public_key();
    const std::vector<NearPeer> near{{server.swarm.node_id(), {{there.host, 1}, there}},
                                     {other, {there}}};
    const auto connected = [&] { return both_over(client, server, Path::Transport::tcp); };
    auto body = [&](Tasks& all) -> Task<> {
        for (auto& member : world.members) all.spawn(member->swarm.run());
        client.swarm.set_near(near);
        auto met = co_await soon(world, 5s, connected);
        CHECK(met);
        CHECK(!client.swarm.best(other));
        doors.cut();
        auto back = co_await soon(world, 5s, connected);
        CHECK(back);
        client.swarm.set_near({});
        doors.cut();
        auto slept = co_await sim.clock().sleep_for(2min);
        CHECK(slept);
        const std::size_t before = doors.connects();
        slept = co_await sim.clock().sleep_for(30min);
        CHECK(slept);
        CHECK(doors.connects() == before);
        CHECK(!connected());
        all.cancel();
    };
    auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
    sim.run(root());
}

TEST_CASE("a fixed peer is reached without the DHT, and again when it was away") {
    Sim sim(62);
    World world(sim);
    MemoryDoors& doors = world.doors;
    Member& server = world.add(Reach::open, hold_trusted, {&doors});
    const Endpoint there = server.door->local();
    const FixedPeer peer{server.swarm.node_id(), there.host.text(), there.port};
    const NodeId other = proto::KeyPair::from_seed(seed_of(999)).public_key();
    const FixedPeer nobody{other, there.host.text(), 1},
        wrong{other, there.host.text(), there.port};
    const std::vector<FixedPeer> named{peer, nobody};
    Member& client = world.add(Reach::open, hold_trusted, {&doors, named});
    const std::vector<FixedPeer> mistaken{wrong};
    Member& third = world.add(Reach::open, hold_trusted, {&doors, mistaken});
    client.swarm.join(Topic());
    const auto connected = [&] { return both_over(client, server, Path::Transport::tcp); };
    auto body = [&](Tasks& all) -> Task<> {
        for (auto& member : world.members) all.spawn(member->swarm.run());
        auto met = co_await soon(world, 5s, connected);
        CHECK(met);
        CHECK(reasons(client.swarm, other).find("nothing listens at") != std::string::npos);
        auto tried = co_await soon(world, 11s, [&] { return !third.swarm.why_not(other).empty(); });
        CHECK(tried);
        CHECK(reasons(third.swarm, other).find("is not it") != std::string::npos);
        doors.swallow(there);
        doors.cut();
        auto gone = co_await soon(world, 1s, [&] { return !connected(); });
        CHECK(gone);
        // Again and again, and more and more seldom.
        const std::size_t before = doors.connects();
        auto slept = co_await sim.clock().sleep_for(10min);
        CHECK(slept);
        CHECK(doors.connects() - before > 15);
        CHECK(doors.connects() - before < 60);
        doors.pass(there);
        met = co_await soon(world, 90s, connected);
        CHECK(met);
        all.cancel();
    };
    auto root = [&]() -> Task<> {
        auto done = co_await with_tasks(body);
        (void)done;
    };
    sim.run(root());
}
