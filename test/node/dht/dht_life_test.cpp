// The life of one node among others, in virtual hours: entering, being found reachable or not,
// becoming persistent, restarting, staying announced.
#include <doctest/doctest.h>

#include <algorithm>

#include "test/node/dht/simulated_network.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

Task<> pass(Sim& sim, Clock::Span span) { (void)co_await sim.clock().sleep_for(span); }

}  // namespace

TEST_CASE("a reachable node learns that it is, and becomes persistent after twenty minutes") {
    Sim sim(1);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& ephemeral = network.add_ephemeral(1000);
        co_await network.run(ephemeral, all);
        co_await pass(sim, 30s);
        CHECK(!ephemeral.dht.firewalled());
        CHECK(ephemeral.dht.remote_address() == ephemeral.address);
        CHECK(!ephemeral.dht.persistent());
        co_await pass(sim, 21min);
        CHECK(ephemeral.dht.persistent());
        CHECK(ephemeral.dht.rpc().node().table().self() == proto::dht::id_of(ephemeral.address));
        co_await pass(sim, 10min);
        CHECK(network.known_by(ephemeral) > 10);
    };
    in_network(sim, 30, test);
}

TEST_CASE("in a small network a reachable node becomes persistent at once, another does not") {
    Sim sim(8);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& reachable = network.add_ephemeral(1000);
        SimulatedDht& hidden = network.add_ephemeral(1001);
        sim.firewall(hidden.address);
        co_await network.run(reachable, all);
        co_await network.run(hidden, all);
        co_await pass(sim, 15s);
        CHECK(reachable.dht.persistent());
        CHECK(network.known_by(reachable) > 1);
        CHECK(hidden.dht.firewalled());
        CHECK(!hidden.dht.persistent());

        // What it stores outlives the node that all of them entered through.
        const auto keys = proto::KeyPair::from_seed(seed_of(5));
        Topic topic;
        Dht::Announcing announcing{keys, relays_at({}), {}};
        auto announced = co_await hidden.dht.announce(topic, std::move(announcing), nullptr);
        CHECK(announced);
        sim.kill(host_of(0));
        std::size_t found = 0;
        auto take = [&](const proto::dht::PeerRecord&) { ++found; };
        std::vector<Endpoint> seeds;
        auto looked = co_await network.nodes[1]->dht.lookup(topic, seeds, take);
        CHECK(looked);
        CHECK(found > 0);
    };
    in_network(sim, 3, test);
}

TEST_CASE("a firewalled node stays ephemeral and is reached through its relays for hours") {
    Sim sim(2);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& ephemeral = network.add_ephemeral(1000);
        sim.firewall(ephemeral.address);
        co_await network.run(ephemeral, all);
        const auto keys = proto::KeyPair::from_seed(seed_of(5));
        std::size_t handshakes = 0;
        Listener listener;
        listener.handshake = [&](const IncomingHandshake& in) {
            ++handshakes;
            ephemeral.dht.answer(in.on, in, in.message.noise);
        };
        ephemeral.dht.listen(keys.public_key(), listener);
        Announcer& announcer = network.announcer(ephemeral, keys);
        all.spawn(announcer.run());
        auto announced = co_await announcer.announced();
        CHECK(announced);
        co_await pass(sim, 2h);
        CHECK(ephemeral.dht.firewalled());
        CHECK(!ephemeral.dht.persistent());
        CHECK(!ephemeral.dht.remote_address());
        CHECK(announcer.relays().size() == 3);
        ByteVector noise{1};
        const auto target = proto::dht::target_of(keys.public_key());
        for (const auto& relay : announcer.relays()) {
            auto reply = co_await network.nodes[4]->dht.peer_handshake(relay.relay, target, noise);
            CHECK(reply);
        }
        CHECK(handshakes == 3);
        // Nobody can reach it without a relay.
        auto direct =
            co_await network.nodes[4]->dht.peer_handshake(ephemeral.address, target, noise);
        CHECK(direct.error() == Errc::timed_out);
    };
    in_network(sim, 20, test);
}

TEST_CASE("a node that is seen elsewhere takes back that it is open, until that is seen there") {
    Sim sim(12);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& ephemeral = network.add_ephemeral(1000);
        co_await network.run(ephemeral, all);
        const auto keys = proto::KeyPair::from_seed(seed_of(7));
        ephemeral.dht.listen(keys.public_key(), {});
        Announcer& announcer = network.announcer(ephemeral, keys);
        std::size_t moves = 0;
        announcer.on_moved([&] { ++moves; });
        all.spawn(announcer.run());
        co_await pass(sim, 60s);
        CHECK(!ephemeral.dht.firewalled());
        CHECK(ephemeral.dht.remote_address() == ephemeral.address);
        CHECK(moves == 0);

        ephemeral.dht.moved();  // a false alarm
        CHECK(ephemeral.dht.firewalled());
        co_await pass(sim, 10s);
        CHECK(ephemeral.dht.remote_address() == ephemeral.address);

        const Endpoint elsewhere = host_of(7000);
        sim.nat(ephemeral.address, SimNat::Kind::port_restricted, elsewhere);
        co_await pass(sim, 10s);
        CHECK(moves == 1);
        CHECK(ephemeral.dht.firewalled());
        REQUIRE(announcer.relays().size() == 3);
        for (const auto& relay : announcer.relays()) CHECK(relay.peer.host == elsewhere.host);
        co_await pass(sim, 10min);
        CHECK(ephemeral.dht.firewalled());
        CHECK(!ephemeral.dht.persistent());
        REQUIRE(ephemeral.dht.sampled_address());
        CHECK(ephemeral.dht.sampled_address()->host == elsewhere.host);
        CHECK(moves == 1);
    };
    in_network(sim, 20, test);
}

TEST_CASE("a server whose relays die is announced at others within seconds") {
    Sim sim(3);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& ephemeral = network.add_ephemeral(1000);
        co_await network.run(ephemeral, all);
        const auto keys = proto::KeyPair::from_seed(seed_of(6));
        ephemeral.dht.listen(keys.public_key(), {});
        Announcer& announcer = network.announcer(ephemeral, keys);
        all.spawn(announcer.run());
        auto announced = co_await announcer.announced();
        CHECK(announced);
        const auto before = announcer.relays();
        REQUIRE(before.size() == 3);
        for (const auto& relay : before) sim.kill(relay.relay);
        co_await pass(sim, 30s);
        REQUIRE(announcer.relays().size() == 3);
        for (const auto& relay : announcer.relays())
            for (const auto& dead : before) CHECK(relay.relay != dead.relay);
        CHECK(announcer.is_relay(before[0].relay));  // handshakes may still be under way

        std::vector<FoundRelay> found;
        auto take = [&](const FoundRelay& relay) { found.push_back(relay); };
        Dht::FindingPeer finding;
        const auto alive = [&](const auto& node) {
            const auto died = [&](const auto& relay) { return relay.relay == node->address; };
            return std::none_of(before.begin(), before.end(), died);
        };
        const auto looker = std::find_if(network.nodes.begin(), network.nodes.end(), alive);
        auto looked = co_await (*looker)->dht.find_peer(keys.public_key(), finding, take);
        CHECK(looked);
        const bool is_one =
            (*looker)->dht.route(proto::dht::target_of(keys.public_key())).has_value();
        CHECK(found.size() + (is_one ? 1 : 0) >= 3);
    };
    in_network(sim, 20, test);
}

TEST_CASE("a server whose default socket changes tells its relays") {
    Sim sim(11);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& ephemeral = network.add_ephemeral(1000);
        co_await network.run(ephemeral, all);
        // The network is not so small that this would be tested at once.
        ephemeral.dht.rpc().node().set_reach(proto::dht::Reach::behind_nat);
        const auto keys = proto::KeyPair::from_seed(seed_of(6));
        ephemeral.dht.listen(keys.public_key(), {});
        Announcer& announcer = network.announcer(ephemeral, keys);
        all.spawn(announcer.run());
        auto announced = co_await announcer.announced();
        CHECK(announced);
        CHECK(announcer.relays().size() == 3);
        for (const auto& relay : announcer.relays()) CHECK(relay.peer.port == 50000);
        ephemeral.dht.rpc().node().set_reach(proto::dht::Reach::open);
        co_await pass(sim, 6s);
        CHECK(announcer.relays().size() == 3);
        for (const auto& relay : announcer.relays()) CHECK(relay.peer == ephemeral.address);
    };
    in_network(sim, 30, test);
}

TEST_CASE("a server that takes itself back is not found") {
    Sim sim(4);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& ephemeral = network.add_ephemeral(1000);
        co_await network.run(ephemeral, all);
        const auto keys = proto::KeyPair::from_seed(seed_of(6));
        Announcer& announcer = network.announcer(ephemeral, keys);
        auto announcing = [&](Tasks& tasks) -> Task<> {
            tasks.spawn(announcer.run());
            auto announced = co_await announcer.announced();
            CHECK(announced);
            tasks.cancel();
        };
        (void)co_await with_tasks(announcing);
        auto gone = co_await announcer.unannounce();
        CHECK(gone);
        std::size_t found = 0;
        auto take = [&](const FoundRelay&) { ++found; };
        Dht::FindingPeer finding;
        auto looked = co_await network.nodes[1]->dht.find_peer(keys.public_key(), finding, take);
        CHECK(looked);
        CHECK(found == 0);
    };
    in_network(sim, 20, test);
}

TEST_CASE("a node that knows others of an earlier run needs no bootstrap node") {
    Sim sim(5);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        const std::vector<Endpoint> known = network.nodes[5]->dht.known_nodes();
        CHECK(known.size() >= 10);
        sim.kill(host_of(0));
        for (const bool with_dead_bootstrap : {false, true}) {
            DhtSetup setup;
            setup.known_nodes = known;
            if (with_dead_bootstrap) setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
            const auto address = host_of(with_dead_bootstrap ? 2000 : 2001);
            network.nodes.push_back(std::make_unique<SimulatedDht>(sim, address, setup));
            co_await network.run(*network.nodes.back(), all);
            CHECK(network.nodes.back()->dht.table_size() >= 10);
        }
    };
    in_network(sim, 20, test);
}

TEST_CASE("a node that starts before its network does enters it later") {
    Sim sim(6);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        sim.kill(host_of(0));
        SimulatedDht& ephemeral = network.add_ephemeral(1000);
        CHECK(!ephemeral.dht.contact().silent_for);
        CHECK(ephemeral.dht.contact().bootstrap_nodes == 1);
        co_await network.run(ephemeral, all);
        CHECK(ephemeral.dht.bootstrapped());
        CHECK(ephemeral.dht.table_size() == 0);
        // It says that it has asked, and that nobody has answered.
        const auto silent_for = ephemeral.dht.contact().silent_for;
        REQUIRE(silent_for);
        CHECK(*silent_for >= 1s);
        CHECK(!ephemeral.dht.contact().last_answer);
        co_await pass(sim, 10s);
        CHECK(ephemeral.dht.contact().silent_for == *silent_for + 10s);
        sim.revive(host_of(0));
        co_await pass(sim, 20s);
        CHECK(ephemeral.dht.table_size() >= 5);
        CHECK(!ephemeral.dht.contact().silent_for);
        CHECK(ephemeral.dht.contact().last_answer < 20s);
    };
    in_network(sim, 12, test);
}

TEST_CASE("one dead node of three holds up nobody") {
    Sim sim(9);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        const auto since = [&sim](Clock::Time start) { return sim.clock().now() - start; };
        co_await pass(sim, 10s);
        sim.kill(network.nodes[2]->address);
        for (std::uint32_t number = 1000; number < 1003; ++number) {
            CAPTURE(number);
            SimulatedDht& ephemeral = network.add_ephemeral(number);
            const auto start = sim.clock().now();
            co_await network.run(ephemeral, all);
            CHECK(since(start) < 2s);
            Topic topic;
            topic.mutable_view()[0] = 7;
            const auto keys = proto::KeyPair::from_seed(seed_of(number));
            Dht::Announcing announcing{keys, relays_at({ephemeral.address}), {}};
            auto announced = co_await ephemeral.dht.announce(topic, std::move(announcing), nullptr);
            REQUIRE(announced);
            CHECK(announced->closest.size() >= 2);
            Announcer& announcer = network.announcer(ephemeral, keys);
            std::size_t found = 0;
            auto take = [&](const proto::dht::PeerRecord&) { ++found; };
            auto looking = [&](Tasks& tasks) -> Task<> {
                tasks.spawn(announcer.run());
                auto known = co_await announcer.announced();
                CHECK(known);
                tasks.cancel();
            };
            (void)co_await with_tasks(looking);
            std::vector<Endpoint> seeds;
            auto looked = co_await ephemeral.dht.lookup(topic, seeds, take);
            CHECK(looked);
            CHECK(found > 0);
            // All of that: five queries and three times that many requests.
            CHECK(since(start) < 3s);
        }
        // Those who named it have been told, and do not any more.
        co_await pass(sim, 10s);
        CHECK(network.known_by(*network.nodes[2]) == 0);
    };
    in_network(sim, 3, test);
}

TEST_CASE("who enters a network with dead nodes is in it, and found, without waiting for them") {
    Sim sim(19);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& looking = network.add_ephemeral(1000);
        co_await network.run(looking, all);
        co_await pass(sim, 10s);
        for (const std::size_t dead : {1, 3}) sim.kill(network.nodes[dead]->address);
        const Topic topic = topic_of(7);
        const std::vector<Endpoint> no_seeds;
        CHECK(
            co_await looking.dht.lookup(topic, no_seeds, nullptr));  // which are dead it knows now
        const auto start = sim.clock().now();
        const auto since = [&] { return sim.clock().now() - start; };
        SimulatedDht& entering = network.add_ephemeral(1001);
        co_await network.run(entering, all);
        CHECK(since() < 400ms);
        const auto keys = proto::KeyPair::from_seed(seed_of(1001));
        Announcer& announcer = network.announcer(entering, keys);
        all.spawn(announcer.run());
        CHECK(co_await announcer.announced());
        CHECK(announcer.relays().size() == 3);
        CHECK(since() < 800ms);
        Clock::Span found_after{};
        auto body = [&](Tasks& tasks) -> Task<> {
            const auto announce = [&]() -> Task<> {
                Dht::Announcing announcing{keys, relays_at({entering.address}), {}};
                CHECK(co_await entering.dht.announce(topic, std::move(announcing), nullptr));
            };
            tasks.spawn(announce());
            while (found_after == Clock::Span()) {
                const Dht::FoundPeer found = [&](const proto::dht::PeerRecord&) {
                    if (found_after == Clock::Span()) found_after = since();
                };
                CHECK(co_await looking.dht.lookup(topic, no_seeds, found));
            }
        };
        (void)co_await with_tasks(body);
        CHECK(found_after < 1s);
    };
    in_network(sim, 8, test);
}

TEST_CASE("a node whose bootstrap node is gone enters by those it knows, without delay") {
    Sim sim(10);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        co_await pass(sim, 10s);
        DhtSetup setup;
        setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
        setup.known_nodes = network.nodes[1]->dht.known_nodes();
        CHECK(setup.known_nodes.size() == 2);
        sim.kill(host_of(0));
        network.nodes.push_back(std::make_unique<SimulatedDht>(sim, host_of(1000), setup));
        const auto start = sim.clock().now();
        co_await network.run(*network.nodes.back(), all);
        CHECK(sim.clock().now() - start < 2s);
        CHECK(network.nodes.back()->dht.table_size() == 2);
    };
    in_network(sim, 3, test);
}

TEST_CASE("an idle ephemeral node sends next to nothing") {
    Sim sim(7);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& ephemeral = network.add_ephemeral(1000);
        sim.firewall(ephemeral.address);
        co_await network.run(ephemeral, all);
        co_await pass(sim, 10min);
        const std::uint64_t before = sim.sent_by(ephemeral.address);
        co_await pass(sim, 1h);
        // Five pings every 40 s, and every five minutes a query.
        CHECK(sim.sent_by(ephemeral.address) - before < 2000);
    };
    in_network(sim, 20, test);
}

TEST_CASE("bootstrap entries parse, with and without a suggested address") {
    struct Row {
        const char* text;
        const char* address;  // or nothing
        const char* host;
        std::uint16_t port;
    };
    const Row rows[] = {
        {"127.0.0.1:5", "127.0.0.1:5", "", 5},
        {"4000", "127.0.0.1:4000", "", 4000},
        {"example.org:77", "", "example.org", 77},
        {"example.org", "", "example.org", 49737},
        {"1.2.3.4", "1.2.3.4:49737", "", 49737},
        {"1.2.3.4@example.org:77", "1.2.3.4:77", "example.org", 77},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto node = parse_bootstrap(row.text);
        REQUIRE(node);
        CHECK((node->address ? node->address->text() : "") == row.address);
        CHECK(node->host == row.host);
        CHECK(node->port == row.port);
    }
    for (const char* bad : {"", "0", "host:0", "host:x", "host:70000", ":5", "x@host:5", "a b:5",
                            "[::1]:5", "[::1]@host:5", "::1:5"}) {
        CAPTURE(std::string(bad));
        CHECK(!parse_bootstrap(bad));
    }
    CHECK(public_bootstrap().size() == 3);
}

TEST_CASE("where no name is resolved the addresses beside the names are there to try") {
    struct Row {
        std::vector<const char*> entries;
        std::vector<Endpoint> tried;
    };
    const Endpoint one{{1, 2, 3, 4}, 77}, two{{5, 6, 7, 8}, 9};
    const Row rows[] = {
        {{"1.2.3.4@one.org:77", "5.6.7.8@two.org:9"}, {one, two}},
        {{"1.2.3.4@one.org:77", "5.6.7.8:9"}, {two}},
        {{"one.org:77"}, {}},
    };
    for (const Row& row : rows) {
        Sim sim(1);
        DhtSetup setup;
        for (const char* entry : row.entries) setup.bootstrap.push_back(*parse_bootstrap(entry));
        SimulatedDht node(sim, host_of(0), setup);
        CHECK(node.dht.nodes_to_try() == row.tried);
    }
}
