// A connection along which nothing comes any more is left for another within seconds, while it is
// needed.
#include "node/swarm/vigil.hpp"

#include <doctest/doctest.h>

#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

using Kind = SimNat::Kind;
using Verdict = Vigil::Verdict;

constexpr Sim::Conditions near_lab{0, std::chrono::milliseconds(20), std::chrono::milliseconds(20)};
const Endpoint moved_to = host_of(7000);

Vigil::Sight answered(Clock::Span unheard) {
    return {.needed = true, .unheard = unheard, .unanswered = {}, .round_trip = 40ms};
}
Vigil::Sight missing(Clock::Span span) {
    return {.needed = true, .unheard = span, .unanswered = span, .round_trip = 40ms};
}

bool says(const Member& member, const std::string& words) {
    return std::ranges::any_of(
        member.log, [&](const std::string& line) { return line.find(words) != line.npos; });
}
bool found_silence(const Member& member) { return says(member, "nothing comes from"); }

Task<> hold_for_members(std::shared_ptr<Connection> connection) {
    connection->trust();
    co_await hold(std::move(connection));
}

void work_together(Member& a, Member& b) {
    a.working_with.insert(b.swarm.node_id());
    b.working_with.insert(a.swarm.node_id());
}

// The client is connected to the server, which it has work with.
Task<std::shared_ptr<Connection>> meet_to_work(World& world, Member& client, Member& server,
                                               Tasks& all) {
    co_await server.enter(all);
    co_await client.enter(all);
    auto announced =
        co_await soon(world, 20s, [&] { return server.swarm.announcer().relays().size() == 3; });
    REQUIRE(announced);
    auto connection = co_await client.swarm.connect(server.swarm.node_id());
    REQUIRE(connection);
    work_together(client, server);
    const auto slept = co_await world.sim.clock().sleep_for(6s);
    CHECK(slept);
    CHECK(!found_silence(client));
    co_return *connection;
}

}  // namespace

TEST_CASE("a connection is asked when nothing comes, and silent when no answer does") {
    Vigil vigil;
    CHECK(vigil.look(answered(100ms)) == Verdict::well);
    for (int seconds = 0; seconds < 3; ++seconds) {
        CHECK(vigil.look(answered(500ms)) == Verdict::ask);
        for (int i = 0; i < 4; ++i) CHECK(vigil.look(answered(1s)) == Verdict::well);
    }
    CHECK(vigil.look(answered(10ms)) == Verdict::well);
    CHECK(vigil.look(answered(300ms)) == Verdict::ask);
    for (const auto span : {200ms, 400ms, 600ms, 800ms}) {
        CHECK(vigil.look(missing(span)) == Verdict::well);
        CHECK(!vigil.silent());
    }
    CHECK(vigil.look(missing(1000ms)) == Verdict::silent);
    CHECK(vigil.silent());
    CHECK(vigil.look(missing(1200ms)) == Verdict::well);  // that is known
    CHECK(vigil.silent());
    CHECK(vigil.look(answered(10ms)) == Verdict::well);
    CHECK(!vigil.silent());
}

TEST_CASE("time alone makes nobody silent") {
    Vigil vigil;
    // We stood still, and have not read what came.
    CHECK(vigil.look(missing(30s)) == Verdict::well);
    CHECK(vigil.look(missing(31s)) == Verdict::well);
    CHECK(vigil.look(answered(0ms)) == Verdict::well);
    // One that answers now and then is slow.
    for (int i = 0; i < 20; ++i) {
        CHECK(vigil.look(missing(800ms)) == Verdict::well);
        CHECK(vigil.look(missing(100ms)) == Verdict::well);
    }
    // It is left as long as nothing is owed.
    Vigil::Sight idle = missing(10s);
    idle.needed = false;
    for (int i = 0; i < 20; ++i) CHECK(vigil.look(idle) == Verdict::well);
    // Where that was a mistake before, it takes longer.
    Vigil::Sight patient = missing(2s);
    patient.patience = 4s;
    for (int i = 0; i < 20; ++i) CHECK(vigil.look(patient) == Verdict::well);
    patient.unanswered = 5s;
    CHECK(vigil.look(patient) == Verdict::silent);
    // It stays silent for who has become more patient for it.
    patient.patience = 8s;
    patient.unanswered = 6s;
    CHECK(vigil.look(patient) == Verdict::well);
    CHECK(vigil.silent());
}

TEST_CASE("where the path to a node breaks while there is work, another is found") {
    for (const Kind kind : {Kind::port_restricted, Kind::full_cone}) {
        for (const bool server_moves : {true, false}) {
            CAPTURE(int(kind));
            CAPTURE(server_moves);
            in_world(300 + int(kind), near_lab, [&](World& world, Tasks& all) -> Task<> {
                Member& server = world.add(kind, echo);
                Member& client = world.add(kind, hold);
                const auto first = co_await meet_to_work(world, client, server, all);
                Member& moving = server_moves ? server : client;
                world.sim.nat(moving.node.address, kind, moved_to);
                const Clock& clock = world.sim.clock();
                const auto all_old_has_come = clock.now() + 50ms;
                const auto anew = [&] {
                    const auto best = client.swarm.best(server.swarm.node_id());
                    if (!best) return false;
                    return best != first || clock.now() - best->unheard() > all_old_has_come;
                };
                auto slept = co_await world.sim.clock().sleep_for(500ms);
                CHECK(slept);
                auto found = co_await soon(world, 2500ms, anew);
                CHECK(found);
                const auto best = client.swarm.best(server.swarm.node_id());
                REQUIRE(best);
                co_await check_echo(*best);
            });
        }
    }
}

TEST_CASE("nobody is looked for anew whom we have no work with") {
    in_world(310, near_lab, [&](World& world, Tasks& all) -> Task<> {
        Member& server = world.add(Kind::port_restricted, echo);
        Member& client = world.add(Kind::port_restricted, hold);
        const auto first = co_await meet_to_work(world, client, server, all);
        client.working_with.clear();
        server.working_with.clear();
        world.sim.nat(server.node.address, Kind::port_restricted, moved_to);
        auto slept = co_await world.sim.clock().sleep_for(8s);
        CHECK(slept);
        CHECK(!found_silence(client));
        CHECK(!found_silence(server));
    });
}

TEST_CASE("a node that is gone is looked for until the work ends") {
    in_world(311, near_lab, [&](World& world, Tasks& all) -> Task<> {
        Member& server = world.add(Kind::port_restricted, echo);
        Member& client = world.add(Kind::port_restricted, hold);
        (void)co_await meet_to_work(world, client, server, all);
        world.sim.kill(server.node.address);
        auto noticed = co_await soon(world, 3s, [&] { return found_silence(client); });
        CHECK(noticed);
        auto gone = co_await soon(
            world, 20s, [&] { return client.swarm.best(server.swarm.node_id()) == nullptr; });
        CHECK(gone);
        world.sim.revive(server.node.address);
        auto again = co_await client.swarm.connect(server.swarm.node_id());
        CHECK(again);
    });
}

TEST_CASE("of two connections that which falls silent is left at once") {
    in_world(312, near_lab, [&](World& world, Tasks& all) -> Task<> {
        Member& server = world.add(Reach::open, hold_for_members, {&world.doors});
        Member& client = world.add(Reach::open, hold_for_members, {&world.doors});
        for (Member* member : {&server, &client}) {
            Member& other = member == &server ? client : server;
            member->shared_with.insert(other.swarm.node_id());
        }
        const auto udx = co_await meet_to_work(world, client, server, all);
        auto moved = co_await soon(world, 10s, [&] {
            const auto best = client.swarm.best(server.swarm.node_id());
            return best && best->path().transport == Path::Transport::tcp;
        });
        REQUIRE(moved);
        const auto tcp = client.swarm.best(server.swarm.node_id());
        world.doors.fall_silent(world.sim.clock());
        auto left = co_await soon(world, 3s, [&] { return tcp->is_closed(); });
        CHECK(left);
        CHECK(client.swarm.best(server.swarm.node_id()) == udx);
        CHECK(!found_silence(client));
    });
}
