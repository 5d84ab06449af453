#include "node/dht/dht.hpp"

#include <doctest/doctest.h>

#include "node/dht/departure.hpp"
#include "proto/dht/wire/signatures.hpp"
#include "test/node/dht/simulated_network.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

TEST_CASE("nodes that enter through one of them become persistent and know each other") {
    Sim sim(1);
    auto test = [&](Network& network, Tasks&) -> Task<> {
        for (auto& node : network.nodes) {
            CAPTURE(node->address.text());
            CHECK(node->dht.persistent());
            CHECK(node->dht.remote_address() == node->address);
            CHECK(node->dht.table_size() >= 5);
        }
        co_return;
    };
    in_network(sim, 12, test);
}

TEST_CASE("a persistent node that departs is soon in nobody's table, though nobody asked for it") {
    Sim sim(8);
    auto test = [&](Network& network, Tasks&) -> Task<> {
        SimulatedDht &leaver = *network.nodes[2], &other = *network.nodes[3];
        const std::size_t other_known_by = network.known_by(other);
        CHECK(network.known_by(leaver) > 3);
        depart(leaver.dht);
        CHECK(co_await sim.clock().sleep_for(10s));
        CHECK(network.known_by(leaver) == 0);
        CHECK(network.known_by(other) >= other_known_by - 1);  // the leaver may drop it
    };
    in_network(sim, 12, test);
}

TEST_CASE("an announce is found by others, and not after it is taken back") {
    Sim sim(2);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& ephemeral = network.add_ephemeral(1000);
        co_await network.run(ephemeral, all);
        const auto keys = proto::KeyPair::from_seed(seed_of(7));
        Dht::Announcing announcing{keys, relays_at({Endpoint::loopback(1)}), {}};
        auto announced =
            co_await ephemeral.dht.announce(topic_of(1), std::move(announcing), nullptr);
        CHECK(announced);

        std::vector<proto::dht::PeerRecord> found;
        auto take = [&](const proto::dht::PeerRecord& peer) { found.push_back(peer); };
        std::vector<Endpoint> no_seeds;
        auto looked = co_await network.nodes[3]->dht.lookup(topic_of(1), no_seeds, take);
        CHECK(looked);
        CHECK(found.size() >= 10);
        for (const auto& peer : found) {
            CHECK(peer.key == keys.public_key());
            CHECK(peer.relays == std::vector{Endpoint::loopback(1)});
        }
        auto gone = co_await ephemeral.dht.unannounce(topic_of(1), keys, no_seeds);
        CHECK(gone);
        found.clear();
        looked = co_await network.nodes[3]->dht.lookup(topic_of(1), no_seeds, take);
        CHECK(found.empty());
    };
    in_network(sim, 20, test);
}

TEST_CASE("records are stored and come back, the newest of the mutable ones") {
    Sim sim(3);
    auto test = [&](Network& network, Tasks&) -> Task<> {
        Dht& writer = network.nodes[2]->dht;
        Dht& reader = network.nodes[9]->dht;
        ByteVector value{1, 2, 3};
        auto target = co_await writer.immutable_put(value);
        REQUIRE(target);
        auto read = co_await reader.immutable_get(*target);
        REQUIRE(read);
        CHECK(*read == value);
        auto nothing = co_await reader.immutable_get(proto::dht::DhtId());
        CHECK(nothing.error() == Errc::not_found);

        const auto keys = proto::KeyPair::from_seed(seed_of(8));
        for (std::uint64_t seq = 1; seq < 4; ++seq) {
            auto put = proto::dht::sign_mutable(keys, seq, value);
            auto done = co_await writer.mutable_put(std::move(put));
            CHECK(done);
        }
        auto record = co_await reader.mutable_get(keys.public_key(), 0);
        REQUIRE(record);
        CHECK(record->seq == 3);
        auto newer = co_await reader.mutable_get(keys.public_key(), 4);
        CHECK(newer.error() == Errc::not_found);
        auto old = proto::dht::sign_mutable(keys, 2, value);
        auto refused = co_await writer.mutable_put(std::move(old));
        CHECK(refused.error() == Errc::refused);
    };
    in_network(sim, 20, test);
}

TEST_CASE("a handshake reaches an announced server through relays and comes back") {
    Sim sim(4);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& server = network.add_ephemeral(1000);
        co_await network.run(server, all);
        const auto keys = proto::KeyPair::from_seed(seed_of(9));
        std::vector<bool> relayed;
        Listener listener;
        listener.handshake = [&](const IncomingHandshake& in) {
            relayed.push_back(in.relayed());
            ByteVector noise = in.message.noise;
            noise.push_back('!');
            server.dht.answer(server.dht.default_socket(), in, std::move(noise));
        };
        server.dht.listen(keys.public_key(), listener);
        Announcer& announcer = network.announcer(server, keys);
        all.spawn(announcer.run());
        auto announced = co_await announcer.announced();
        CHECK(announced);
        CHECK(announcer.relays().size() == 3);

        SimulatedDht& client = network.add_ephemeral(1001);
        co_await network.run(client, all);
        std::vector<FoundRelay> found;
        auto take = [&](const FoundRelay& relay) { found.push_back(relay); };
        Dht::FindingPeer finding;
        auto looked = co_await client.dht.find_peer(keys.public_key(), finding, take);
        CHECK(looked);
        REQUIRE(found.size() >= 3);
        CHECK(announcer.is_relay(found[0].relay));
        const auto target = proto::dht::target_of(keys.public_key());
        ByteVector noise{'h', 'i'};
        auto reply = co_await client.dht.peer_handshake(found[0].relay, target, noise);
        REQUIRE(reply);
        CHECK(reply->noise == ByteVector{'h', 'i', '!'});
        CHECK(reply->relayed);
        CHECK(reply->server.host == server.address.host);
        CHECK(reply->client.host == client.address.host);
        CHECK(relayed == std::vector{true});

        // Straight to the server: it answers itself.
        auto direct = co_await client.dht.peer_handshake(server.address, target, noise);
        REQUIRE(direct);
        CHECK(!direct->relayed);
        // A node without a route says so.
        const auto elsewhere = proto::dht::target_of(NodeId());
        auto none = co_await client.dht.peer_handshake(found[0].relay, elsewhere, noise);
        CHECK(none.error() == Errc::not_found);
    };
    in_network(sim, 20, test);
}

TEST_CASE("a request that is one too many is refused, and that it was is known") {
    Sim sim(5);
    auto test = [&](Network& network, Tasks&) -> Task<> {
        Dht& dht = network.nodes[1]->dht;
        CHECK(!dht.contact().refused);
        proto::dht::Ask ask;
        ask.to = host_of(1000);  // nobody
        std::size_t asked = 0;
        while (dht.rpc().start(ask, [](const proto::dht::RequestEvent&) {})) ++asked;
        CHECK(asked > 0);
        CHECK(asked <= Rpc::max_pending);
        CHECK(dht.rpc().node().requests_in_flight() == Rpc::max_pending);
        auto refused = co_await dht.rpc().request(ask);
        CHECK(refused.error() == Errc::limit_reached);
        CHECK(dht.contact().refused == Clock::Span(0));
        auto slept = co_await sim.clock().sleep_for(3s);
        CHECK(slept);
        CHECK(dht.contact().refused == Clock::Span(3s));
    };
    in_network(sim, 3, test);
}
