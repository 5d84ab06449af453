#include "node/swarm/swarm.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "node/async/timeout.hpp"
#include "proto/udx/packet.hpp"
#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

Task<Result<void>> check_answer(std::shared_ptr<Connection> connection) {
    auto channel = co_await connection->open(protocol, ByteVector(), ByteVector());
    if (!channel) co_return channel.error();
    const ByteVector payload(100000, 7);
    auto sent = co_await (*channel)->send(3, payload);
    if (!sent) co_return sent;
    auto back = co_await (*channel)->receive();
    if (!back) co_return back.error();
    CHECK(as_text(back->payload) == as_text(payload));
    co_return ok;
}

// Whether the peer, which echoes, answers soon. Two nodes that have dialed each other may each have
// a connection of its own while the packets are lost that would tell them which one stays.
Task<bool> talk(World& world, Member& from, NodeId to) {
    for (int attempt = 0; attempt < 20; attempt++) {
        for (const auto& connection : from.swarm.connections()) {
            if (connection->remote() != to) continue;
            auto answer = check_answer(connection);
            auto answered = co_await with_timeout(world.sim.clock(), 30s, std::move(answer));
            if (answered) co_return true;
            CHECK(answered.error() != Errc::timed_out);
            break;
        }
        auto slept = co_await world.sim.clock().sleep_for(1s);
        if (!slept) co_return false;
    }
    co_return false;
}

TEST_CASE("a node is reached by its key, from open and from firewalled nodes") {
    struct Row {
        Reach server, client;
    };
    for (const Row& row : {Row{Reach::open, Reach::open}, Row{Reach::open, Reach::behind_nat},
                           Row{Reach::behind_nat, Reach::open}}) {
        in_world(1, [&](World& world, Tasks& all) -> Task<> {
            Member& server = world.add(row.server, echo);
            Member& client = world.add(row.client, hold);
            co_await server.enter(all);
            co_await client.enter(all);
            auto announced = co_await soon(
                world, 20s, [&] { return server.swarm.announcer().relays().size() == 3; });
            CHECK(announced);
            auto connection = co_await client.swarm.connect(server.swarm.node_id());
            CAPTURE(reasons(client.swarm, server.swarm.node_id()));
            REQUIRE(connection);
            CHECK((*connection)->remote() == server.swarm.node_id());
            CHECK((*connection)->role() == Role::initiator);
            co_await check_echo(**connection);
            auto again = co_await client.swarm.connect(server.swarm.node_id());
            REQUIRE(again);
            CHECK(*again == *connection);
            CHECK(server.swarm.connections().size() == 1);
            CHECK(client.swarm.connections().size() == 1);
        });
    }
}

TEST_CASE("a node that is not announced cannot be connected to, and the reason is told") {
    in_world(2, [&](World& world, Tasks& all) -> Task<> {
        Member& client = world.add(Reach::open, hold);
        co_await client.enter(all);
        const NodeId nobody = proto::KeyPair::from_seed(seed_of(999)).public_key();
        auto connection = co_await client.swarm.connect(nobody);
        CHECK(connection.error() == Errc::cannot_connect);
        CHECK(reasons(client.swarm, nobody).find("not announced") != std::string::npos);
        for (const Finding& finding : client.swarm.why_not(nobody)) {
            CHECK(finding.node == nobody);
            CHECK(finding.path == TriedPath{TriedPath::Way::dht});
            CHECK(finding.after);
        }
        auto bad_key = co_await client.swarm.connect(NodeId());
        CHECK(bad_key.error() == Errc::cannot_connect);
        auto ourselves = co_await client.swarm.connect(client.swarm.node_id());
        CHECK(ourselves.error() == Errc::cannot_connect);
    });
}

TEST_CASE("who is heard, and does not hear, is not counted, and the reason is told") {
    in_world(3, [&](World& world, Tasks& all) -> Task<> {
        Member& server = world.add(Reach::open, echo);
        Member& client = world.add(Reach::open, hold);
        co_await server.enter(all);
        co_await client.enter(all);
        auto announced = co_await soon(
            world, 20s, [&] { return server.swarm.announcer().relays().size() == 3; });
        CHECK(announced);
        world.sim.meddle(server.node.address, [](ByteVector& bytes) {
            return proto::udx::parse_packet(bytes) ? 0u : 1u;
        });
        auto connection = co_await client.swarm.connect(server.swarm.node_id());
        CHECK_FALSE(connection);
        CHECK(server.swarm.connections().empty());
        const auto counted = [](const std::string& line) { return line.starts_with("connected"); };
        CHECK(std::ranges::none_of(server.log, counted));
        const auto why = server.swarm.why_not(client.swarm.node_id());
        REQUIRE(!why.empty());
        CHECK(why.front().code == Finding::Code::not_heard);
        CHECK(why.front().what == client.node.address.text());
    });
}

TEST_CASE("nodes that join a topic find each other, each pair with one connection") {
    in_world(3, [&](World& world, Tasks& all) -> Task<> {
        for (int i = 0; i < 4; i++) world.add(Reach::open, hold);
        for (auto& member : world.members) {
            member->swarm.join(Topic());
            CHECK(member->swarm.settling(Topic()));
            co_await member->enter(all);
        }
        const auto all_met = [&] {
            for (auto& member : world.members)
                if (member->swarm.connections().size() != 3) return false;
            return true;
        };
        auto met = co_await soon(world, 90s, all_met);
        CHECK(met);
        // They may meet while the last still asks.
        const auto none_settles = [&] {
            return std::ranges::none_of(
                world.members, [](const auto& member) { return member->swarm.settling(Topic()); });
        };
        auto settled = co_await soon(world, 5s, none_settles);
        CHECK(settled);
        auto slept = co_await world.sim.clock().sleep_for(60s);
        CHECK(slept);
        CHECK(all_met());
        for (auto& member : world.members) CHECK(member->node.udx.streams() == 3);
    });
}

// Each may have looked before the other had announced itself.
TEST_CASE("who has joined the topic by then is connected when it was looked up again") {
    for (int milliseconds = 0; milliseconds <= 1000; milliseconds += 100) {
        CAPTURE(milliseconds);
        in_world(7, [&](World& world, Tasks& all) -> Task<> {
            Member& early = world.add(Reach::open, hold);
            Member& late = world.add(Reach::open, hold);
            co_await early.enter(all);
            co_await late.enter(all);
            early.swarm.join(Topic());
            auto slept = co_await world.sim.clock().sleep_for(milliseconds * 1ms);
            CHECK(slept);
            late.swarm.join(Topic());
            const auto since = world.sim.clock().now();
            auto settled = co_await soon(world, 4s, [&] {
                return early.swarm.looked_up_again(Topic(), since) &&
                       !early.swarm.settling(Topic());
            });
            CHECK(settled);
            CHECK(early.swarm.best(late.swarm.node_id()));
        });
    }
}

TEST_CASE("nodes meet and talk in a network that loses one packet in ten") {
    for (std::uint64_t seed = 40; seed < 50; seed++) {
        CAPTURE(seed);
        const auto test = [&](World& world, Tasks& all) -> Task<> {
            for (int i = 0; i < 3; i++)
                world.add(i == 0 ? Reach::behind_nat : Reach::open, i == 0 ? hold : echo);
            for (auto& member : world.members) {
                member->swarm.join(Topic());
                co_await member->enter(all);
            }
            auto met = co_await soon(world, 180s, [&] {
                for (auto& member : world.members)
                    if (member->swarm.connections().size() != 2) return false;
                return true;
            });
            REQUIRE(met);
            for (std::size_t i = 1; i < world.members.size(); i++) {
                const NodeId remote = world.members[i]->swarm.node_id();
                auto answered = co_await talk(world, *world.members[0], remote);
                CHECK(answered);
            }
        };
        in_world(seed, test, 0.1);
    }
}

TEST_CASE("two nodes that dial each other at the same moment keep one connection") {
    for (std::uint64_t seed = 10; seed < 20; seed++) {
        CAPTURE(seed);
        in_world(seed, [&](World& world, Tasks& all) -> Task<> {
            Member& a = world.add(Reach::open, hold);
            Member& b = world.add(Reach::open, hold);
            co_await a.enter(all);
            co_await b.enter(all);
            auto announced = co_await soon(world, 20s, [&] {
                return a.swarm.announcer().relays().size() + b.swarm.announcer().relays().size() ==
                       6;
            });
            CHECK(announced);
            const auto connect = [](Swarm& from, NodeId to) -> Task<> {
                auto connection = co_await from.connect(to);
                CHECK(connection);
            };
            all.spawn(connect(a.swarm, b.swarm.node_id()));
            all.spawn(connect(b.swarm, a.swarm.node_id()));
            auto slept = co_await world.sim.clock().sleep_for(20s);
            CHECK(slept);
            CHECK(a.swarm.connections().size() == 1);
            CHECK(b.swarm.connections().size() == 1);
            CHECK(a.node.udx.streams() == 1);
            CHECK(b.node.udx.streams() == 1);
        });
    }
}

TEST_CASE("a peer that dies is noticed, and taken up again when it is back") {
    in_world(4, [&](World& world, Tasks& all) -> Task<> {
        Member& a = world.add(Reach::open, hold);
        Member& b = world.add(Reach::open, hold);
        a.swarm.join(Topic());
        b.swarm.join(Topic());
        co_await a.enter(all);
        co_await b.enter(all);
        auto met = co_await soon(world, 60s, [&] { return a.swarm.connections().size() == 1; });
        REQUIRE(met);
        const auto connection = a.swarm.connections().front();
        world.sim.kill(b.node.address);
        auto gone = co_await soon(world, 40s, [&] { return a.swarm.connections().empty(); });
        CHECK(gone);
        auto why = co_await connection->closed();
        CHECK(why.error() == Errc::timed_out);
        world.sim.revive(b.node.address);
        auto back = co_await soon(world, 120s, [&] {
            return a.swarm.connections().size() == 1 && b.swarm.connections().size() == 1;
        });
        CHECK(back);
    });
}

TEST_CASE("nodes that start without a network meet within seconds when there is one") {
    for (auto offline = 300s; offline < 318s; offline += 2s) {
        CAPTURE(offline.count());
        in_world(7, [&](World& world, Tasks& all) -> Task<> {
            for (int i = 0; i < 2; i++) {
                Member& member = world.add(Reach::open, hold);
                world.sim.kill(member.node.address);
                member.swarm.join(Topic());
                co_await member.enter(all);
            }
            auto slept = co_await world.sim.clock().sleep_for(offline);
            CHECK(slept);
            for (auto& member : world.members) world.sim.revive(member->node.address);
            const auto met = [&] {
                for (auto& member : world.members)
                    if (member->swarm.connections().size() != 1) return false;
                return true;
            };
            auto soon_met = co_await soon(world, 15s, met);
            CHECK(soon_met);
        });
    }
}

TEST_CASE("a connection that is closed while wanted is made again") {
    in_world(5, [&](World& world, Tasks& all) -> Task<> {
        Member& a = world.add(Reach::open, hold);
        Member& b = world.add(Reach::open, hold);
        a.swarm.join(Topic());
        b.swarm.join(Topic());
        co_await a.enter(all);
        co_await b.enter(all);
        auto met = co_await soon(world, 60s, [&] {
            return a.swarm.connections().size() == 1 && b.swarm.connections().size() == 1;
        });
        REQUIRE(met);
        const auto first = a.swarm.connections().front();
        first->close();
        auto again = co_await soon(world, 30s, [&] {
            return a.swarm.connections().size() == 1 && a.swarm.connections().front() != first;
        });
        CHECK(again);
    });
}

bool is_announced(const Member& member) { return member.swarm.announcer().relays().size() == 3; }

TEST_CASE("nodes that we do not share with make room for others when all places are taken") {
    in_world(7, [&](World& world, Tasks& all) -> Task<> {
        Member& server = world.add(Reach::open, hold);
        co_await server.enter(all);
        auto announced = co_await soon(
            world, 20s, [&] { return server.swarm.announcer().relays().size() == 3; });
        REQUIRE(announced);
        const auto connected = [&](const Member& member) {
            for (const auto& connection : server.swarm.connections())
                if (connection->remote() == member.swarm.node_id()) return true;
            return false;
        };
        std::vector<Member*> peers;
        for (std::size_t i = 0; i < Places::max_came + 2; i++) {
            Member& peer = *peers.emplace_back(&world.add(Reach::open, hold));
            if (i == 0) server.shared_with.insert(peer.swarm.node_id());
            co_await peer.enter(all);
            auto connection = co_await peer.swarm.connect(server.swarm.node_id());
            REQUIRE(connection);
            auto seen = co_await soon(world, 10s, [&] { return connected(peer); });
            CAPTURE(i);
            REQUIRE(seen);
        }
        CHECK(server.swarm.connections().size() == Places::max_came);
        CHECK(connected(*peers[0]));
        CHECK_FALSE(connected(*peers[1]));
        CHECK_FALSE(connected(*peers[2]));
        CHECK(connected(*peers[3]));

        // All are members, with whom nothing is under way: one of them goes, and none that works.
        for (const Member* peer : peers) server.shared_with.insert(peer->swarm.node_id());
        for (std::size_t i = 4; i < peers.size(); i++)
            server.working_with.insert(peers[i]->swarm.node_id());
        auto slept = co_await world.sim.clock().sleep_for(Places::grace);
        CHECK(slept);
        Member& late = world.add(Reach::open, hold);
        co_await late.enter(all);
        auto taken_in = co_await late.swarm.connect(server.swarm.node_id());
        CHECK(taken_in);
        auto seen = co_await soon(world, 10s, [&] { return connected(late); });
        CHECK(seen);
        CHECK(connected(*peers[0]) != connected(*peers[3]));
        for (std::size_t i = 4; i < peers.size(); i++) CHECK(connected(*peers[i]));

        // Whoever we ask for finds a place; when all are at work, it is waited for.
        for (const Member* peer : peers) server.working_with.insert(peer->swarm.node_id());
        server.working_with.insert(late.swarm.node_id());
        for (std::size_t i = Places::max_came; i < Places::max_connections; i++) {
            Member& provider = world.add(Reach::open, hold);
            co_await provider.enter(all);
            auto known = co_await soon(world, 20s, [&] { return is_announced(provider); });
            REQUIRE(known);
            server.working_with.insert(provider.swarm.node_id());
            auto reached = co_await server.swarm.connect(provider.swarm.node_id());
            REQUIRE(reached);
        }
        Member& last = world.add(Reach::open, hold);
        co_await last.enter(all);
        auto last_known = co_await soon(world, 20s, [&] { return is_announced(last); });
        REQUIRE(last_known);
        auto connecting = server.swarm.connect(last.swarm.node_id());
        auto late_reached = co_await with_timeout(world.sim.clock(), 20s, std::move(connecting));
        CHECK(late_reached.error() == Errc::timed_out);
        CHECK(reasons(server.swarm, last.swarm.node_id()).find("at work") != std::string::npos);
        server.working_with.erase(late.swarm.node_id());
        auto reached = co_await server.swarm.connect(last.swarm.node_id());
        CHECK(reached);
        CHECK_FALSE(connected(late));
    });
}

TEST_CASE("a topic that was left is not found any more") {
    in_world(6, [&](World& world, Tasks& all) -> Task<> {
        Member& a = world.add(Reach::open, hold);
        co_await a.enter(all);
        a.swarm.join(Topic());
        auto settled = co_await soon(world, 60s, [&] { return !a.swarm.settling(Topic()); });
        CHECK(settled);
        std::size_t found = 0;
        const auto count = [&](const proto::dht::PeerRecord&) { found++; };
        std::vector<Endpoint> no_seeds;
        auto end = co_await world.nodes[3]->dht.lookup(Topic(), no_seeds, count);
        CHECK(found > 0);
        a.swarm.leave(Topic());
        auto slept = co_await world.sim.clock().sleep_for(20s);
        CHECK(slept);
        found = 0;
        end = co_await world.nodes[3]->dht.lookup(Topic(), no_seeds, count);
        CHECK(found == 0);
    });
}

}  // namespace
