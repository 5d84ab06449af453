#include "node/reach/acceptor.hpp"

#include <doctest/doctest.h>

#include "node/async/timeout.hpp"
#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;
using proto::dht::PeerError;

namespace {

// A server and a client in a world; the client makes its handshakes by hand.
template <class Where, class Test>
void with_server_at(Where server_at, Where client_at, std::uint64_t seed, Test test) {
    in_world(seed, [&](World& world, Tasks& all) -> Task<> {
        Member& server = world.add(server_at, hold);
        Member& client = world.add(client_at, hold);
        co_await server.enter(all);
        co_await client.enter(all);
        auto announced = co_await soon(
            world, 20s, [&] { return server.swarm.announcer().relays().size() == 3; });
        REQUIRE(announced);
        co_await test(world, server, client);
    });
}

template <class Test>
void with_server(std::uint64_t seed, Test test) {
    with_server_at(Reach::open, Reach::behind_nat, seed, test);
}

NoisePayload payload_of(std::uint64_t udx_id) {
    NoisePayload payload;
    NoisePayload::Udx udx;
    udx.id = udx_id;
    payload.udx = udx;
    payload.secret_stream_version = 1;
    return payload;
}

ByteVector greeting_of(proto::Noise& noise, const NoisePayload& payload) {
    auto greeting = noise.write(payload.encode());
    REQUIRE(greeting);
    return *greeting;
}

proto::Noise stranger(std::uint64_t seed, const Member& server) {
    return noise_initiator(server.runtime.random, proto::KeyPair::from_seed(seed_of(seed)),
                           server.swarm.node_id());
}

Task<Result<HandshakeReply>> shake(Member& client, Member& server, std::size_t relay,
                                   ByteVector greeting) {
    const auto target = proto::dht::target_of(server.swarm.node_id());
    const auto node = server.swarm.announcer().relays().at(relay).relay;
    co_return co_await client.node.dht.peer_handshake(node, target, std::move(greeting));
}

TEST_CASE("one greeting through several relays gets one answer and one stream") {
    with_server(30, [](World&, Member& server, Member& client) -> Task<> {
        auto noise = stranger(1, server);
        const ByteVector greeting = greeting_of(noise, payload_of(7));
        ByteVector first;
        for (std::size_t relay = 0; relay < 3; relay++) {
            auto reply = co_await shake(client, server, relay, greeting);
            REQUIRE(reply);
            CHECK(reply->relayed);
            if (relay == 0) first = reply->noise;
            CHECK(reply->noise == first);
        }
        CHECK(server.node.udx.streams() == 1);
        auto plain = noise.read(first);
        REQUIRE(plain);
        auto payload = NoisePayload::decode(*plain);
        REQUIRE(payload);
        CHECK(payload->error == PeerError::none);
        CHECK(payload->firewall == proto::dht::Firewall::open);
        CHECK(payload->udx->id != 0);
        CHECK(payload->relay_addresses->size() == 3);
    });
}

TEST_CASE("a client that does not come costs nothing after a while") {
    with_server(31, [](World& world, Member& server, Member& client) -> Task<> {
        auto noise = stranger(1, server);
        auto reply = co_await shake(client, server, 0, greeting_of(noise, payload_of(7)));
        CHECK(reply);
        CHECK(server.node.udx.streams() == 1);
        auto gone = co_await soon(world, 15s, [&] { return server.node.udx.streams() == 0; });
        CHECK(gone);
    });
}

TEST_CASE("garbage and greetings for somebody else get no answer") {
    with_server(32, [](World&, Member& server, Member& client) -> Task<> {
        auto garbage = co_await shake(client, server, 0, ByteVector(150, 7));
        CHECK(garbage.error() == Errc::timed_out);
        proto::Noise noise =
            noise_initiator(client.runtime.random, proto::KeyPair::from_seed(seed_of(1)),
                            client.swarm.node_id());  // for somebody else
        auto other = co_await shake(client, server, 0, greeting_of(noise, payload_of(7)));
        CHECK(other.error() == Errc::timed_out);
        CHECK(server.node.udx.streams() == 0);
    });
}

TEST_CASE("clients of another version and without a stream are told so") {
    with_server(33, [](World&, Member& server, Member& client) -> Task<> {
        NoisePayload no_stream = payload_of(1);
        no_stream.udx.reset();
        auto noise = stranger(1, server);
        auto reply = co_await shake(client, server, 0, greeting_of(noise, no_stream));
        REQUIRE(reply);
        auto plain = noise.read(reply->noise);
        REQUIRE(plain);
        CHECK(NoisePayload::decode(*plain)->error == PeerError::aborted);

        auto newer = stranger(2, server);
        const ByteVector version_2{2, 0, 0, 0};
        auto greeting = newer.write(version_2);
        auto second = co_await shake(client, server, 0, std::move(*greeting));
        REQUIRE(second);
        plain = newer.read(second->noise);
        REQUIRE(plain);
        CHECK(NoisePayload::decode(*plain)->error == PeerError::version_mismatch);
        CHECK(server.node.udx.streams() == 0);
    });
}

// What looks like a relay's, for the server from a host of our own.
ByteVector relayed(const Member& server, proto::dht::PeerHandshake handshake) {
    proto::dht::Request request;
    request.to = server.node.address;
    request.command = proto::dht::Command::peer_handshake;
    request.target = proto::dht::target_of(server.swarm.node_id());
    request.value = handshake.encode();
    return proto::dht::encode(request);
}

TEST_CASE("one host cannot take all the room for handshakes, whomever it pretends to relay") {
    with_server(34, [](World& world, Member& server, Member& client) -> Task<> {
        Member& honest = world.add(Reach::behind_nat, hold);
        auto flood = co_await with_tasks([&](Tasks& all) -> Task<> {
            co_await honest.enter(all);
            auto liar = world.sim.open(host_of(500));
            for (std::uint64_t i = 0; i < 200; i++) {
                auto noise = stranger(i + 1, server);
                proto::dht::PeerHandshake handshake;
                handshake.mode = proto::dht::Mode::from_relay;
                handshake.noise = greeting_of(noise, payload_of(i));
                handshake.peer = host_of(static_cast<std::uint32_t>(1000 + i));
                liar->send(server.node.address, relayed(server, handshake));
                auto slept = co_await world.sim.clock().sleep_for(20ms);
                CHECK(slept);
            }
            CHECK(server.node.udx.streams() == Acceptor::max_handshakes_of_host);
            auto reply = co_await shake(client, server, 0, ByteVector(150, 7));
            CHECK(reply.error() == Errc::timed_out);  // no answer to garbage, here as ever
            auto connection = co_await honest.swarm.connect(server.swarm.node_id());
            CHECK(connection);
            all.cancel();
        });
        (void)flood;
    });
}

// A new handshake from each of the sockets in turn, `count` in 200 ms.
using Sockets = std::vector<std::unique_ptr<Datagrams>>;
Task<> burst(World& world, Member& server, const Sockets& from, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; i++) {
        auto noise = stranger(i + 1, server);
        proto::dht::PeerHandshake handshake;
        handshake.noise = greeting_of(noise, payload_of(i));
        from[i % from.size()]->send(server.node.address, relayed(server, handshake));
        if (i % (count / 10) != 0) continue;
        auto slept = co_await world.sim.clock().sleep_for(20ms);
        CHECK(slept);
    }
    auto slept = co_await world.sim.clock().sleep_for(1s);
    CHECK(slept);
}

TEST_CASE("one host is answered only so many handshakes at once") {
    with_server(38, [](World& world, Member& server, Member&) -> Task<> {
        Sockets sockets;
        sockets.push_back(world.sim.open(host_of(1000)));
        co_await burst(world, server, sockets, 100);
        std::size_t answers = 0;
        for (;;) {
            auto more = co_await with_timeout(world.sim.clock(), 1s, sockets[0]->receive());
            if (!more) break;
            answers += more->size();
        }
        CHECK(answers >= 50);
        CHECK(answers < 55);
    });
}

TEST_CASE("all strangers together are answered only so many handshakes at once") {
    with_server(39, [](World& world, Member& server, Member&) -> Task<> {
        Sockets sockets;
        for (std::uint32_t i = 0; i < 1000; i++)
            sockets.push_back(world.sim.open(host_of(1000 + i)));
        co_await burst(world, server, sockets, 1000);
        CHECK(server.node.udx.streams() >= 800);
        CHECK(server.node.udx.streams() < 900);
    });
}

// Handshakes from hosts that never answer, 183 a second, each once, for some seconds.
Task<> flood(World& world, const Endpoint& to, const Member& server) {
    const auto target = proto::dht::target_of(server.swarm.node_id());
    for (std::uint32_t i = 0; i < 183 * 12; i++) {
        auto noise = stranger(i + 1, server);
        proto::dht::PeerHandshake handshake;
        handshake.noise = greeting_of(noise, payload_of(i));
        proto::dht::Request request;
        request.to = to;
        request.command = proto::dht::Command::peer_handshake;
        request.target = target;
        request.value = handshake.encode();
        world.sim.open(host_of(1000 + i))->send(to, proto::dht::encode(request));
        CHECK(server.node.udx.streams() <= Acceptor::max_handshakes + 4);
        auto slept = co_await world.sim.clock().sleep_for(5464us);
        if (!slept) co_return;
    }
}

TEST_CASE(
    "handshakes of hosts that never answer keep no newcomer out, and cost nothing afterwards") {
    for (const bool direct : {true, false}) {
        CAPTURE(direct);
        with_server(36, [&](World& world, Member& server, Member&) -> Task<> {
            auto body = [&](Tasks& all) -> Task<> {
                const auto relay = server.swarm.announcer().relays().at(0).relay;
                all.spawn(flood(world, direct ? server.node.address : relay, server));
                auto slept = co_await world.sim.clock().sleep_for(11s);
                CHECK(slept);
                for (int i = 0; i < 3; i++) {
                    Member& newcomer = world.add(i ? Reach::open : Reach::behind_nat, hold);
                    co_await newcomer.enter(all);
                    auto connection = co_await newcomer.swarm.connect(server.swarm.node_id());
                    CHECK(connection);
                }
                auto over =
                    co_await soon(world, 40s, [&] { return server.node.udx.streams() == 3; });
                CHECK(over);
                CHECK(server.log.size() < 20);
                all.cancel();
            };
            auto done = co_await with_tasks(body);
            (void)done;
        });
    }
}

TEST_CASE("a handshake that nobody follows up sends nothing but its answer") {
    with_server(37, [](World& world, Member& server, Member&) -> Task<> {
        auto victim = world.sim.open(host_of(503));
        auto liar = world.sim.open(host_of(504));
        // As if from the victim itself, and as if from a relay that names an open client.
        for (const bool direct : {true, false}) {
            CAPTURE(direct);
            auto noise = stranger(direct ? 1 : 2, server);
            NoisePayload payload = payload_of(7);
            payload.firewall = proto::dht::Firewall::open;
            proto::dht::PeerHandshake handshake;
            handshake.noise = greeting_of(noise, payload);
            if (!direct) {
                handshake.mode = proto::dht::Mode::from_relay;
                handshake.peer = host_of(503);
            }
            const ByteVector request = relayed(server, handshake);
            (direct ? victim : liar)->send(server.node.address, request);
            std::size_t bytes = 0;
            for (;;) {
                auto arrived = co_await with_timeout(world.sim.clock(), 15s, victim->receive());
                if (!arrived) break;
                for (const Datagram& datagram : *arrived) bytes += datagram.bytes.size();
            }
            CHECK(bytes <= request.size());
        }
    });
}

TEST_CASE("a client that says where it is does not direct our packets there") {
    with_server(35, [](World& world, Member& server, Member&) -> Task<> {
        const Endpoint victim = host_of(501);
        auto there = world.sim.open(victim);
        auto liar = world.sim.open(host_of(502));
        auto noise = stranger(1, server);
        proto::dht::PeerHandshake handshake;
        handshake.noise = greeting_of(noise, payload_of(7));
        handshake.peer = victim;
        liar->send(server.node.address, relayed(server, handshake));
        auto opened = co_await soon(world, 5s, [&] { return server.node.udx.streams() == 1; });
        CHECK(opened);
        auto arrived = co_await with_timeout(world.sim.clock(), 10s, there->receive());
        CHECK(arrived.error() == Errc::timed_out);
    });
}

// One after another from each key, all at once; nobody follows them up. How many punches that
// begins at the server.
Task<std::size_t> punches_begun(Member& server, Member& client, std::uint64_t keys,
                                std::uint64_t greetings) {
    const std::size_t before = server.sockets_opened;
    const auto greet = [&](std::uint64_t key) -> Task<> {
        for (std::uint64_t i = 0; i < greetings; i++) {
            auto noise = stranger(key, server);
            auto reply = co_await shake(client, server, key % 3, greeting_of(noise, payload_of(i)));
            CHECK(reply);
        }
    };
    auto greeted = co_await with_tasks([&](Tasks& all) -> Task<> {
        for (std::uint64_t key = 1; key <= keys; key++) all.spawn(greet(key));
        co_return;
    });
    CHECK(greeted);
    co_return server.sockets_opened - before;
}

TEST_CASE("clients that come all at once do not begin a punch each") {
    const auto nat = SimNat::Kind::full_cone;
    with_server_at(nat, nat, 40, [](World&, Member& server, Member& client) -> Task<> {
        auto begun = co_await punches_begun(server, client, 45, 1);
        CHECK(begun >= 20);
        CHECK(begun <= 30);
    });
}

TEST_CASE("a client that was started anew gets a punch in place of those that it left") {
    const auto nat = SimNat::Kind::full_cone;
    with_server_at(nat, nat, 41, [](World&, Member& server, Member& client) -> Task<> {
        auto begun = co_await punches_begun(server, client, 1, 4);
        CHECK(begun == 4);
    });
}

}  // namespace
