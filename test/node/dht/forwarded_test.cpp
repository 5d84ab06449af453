// A DHT node behind a NAT that forwards to it, or that only says so.
#include "test/node/dht/simulated_network.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t number = 1000;
constexpr std::uint16_t port = 4711;  // unlike the node's own
const Endpoint outside{{99, 0, 0, 1}, 0};

SimulatedDht& add_behind_nat(Sim& sim, Network& network) {
    sim.nat(host_of(number), SimNat::Kind::port_restricted, outside);
    return network.add_ephemeral(number);
}

Task<> let_pass(Sim& sim, Clock::Span span) { (void)co_await sim.clock().sleep_for(span); }

}  // namespace

TEST_CASE("a node is open where its NAT forwards to it, and no longer than that") {
    Sim sim(21);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& node = add_behind_nat(sim, network);
        co_await network.run(node, all);
        co_await let_pass(sim, 1min);
        CHECK(node.dht.firewalled());
        sim.nat_of(node.address).forward(port, node.address);
        node.dht.set_forwarded(Endpoint{outside.host, port});
        co_await let_pass(sim, 1min);
        CHECK(!node.dht.firewalled());
        CHECK(node.dht.remote_address() == Endpoint{outside.host, port});
        co_await let_pass(sim, 2h);
        // Its packets come from another port: nobody could store it under its address.
        CHECK(!node.dht.persistent());
        CHECK(node.dht.remote_address() == Endpoint{outside.host, port});
        sim.nat_of(node.address).forward_no_more(port);
        node.dht.set_forwarded(std::nullopt);
        CHECK(node.dht.firewalled());
        co_await let_pass(sim, 2h);
        CHECK(node.dht.firewalled());
        CHECK(!node.dht.remote_address());
    };
    in_network(sim, 30, test);
}

TEST_CASE("a node that hears that a router forwards to it is not open for that") {
    Sim sim(22);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& node = add_behind_nat(sim, network);
        co_await network.run(node, all);
        node.dht.set_forwarded(Endpoint{outside.host, port});
        co_await let_pass(sim, 10min);
        CHECK(node.dht.firewalled());
        CHECK(!node.dht.remote_address());
        // It tries again, though more and more seldom.
        sim.nat_of(node.address).forward(port, node.address);
        co_await let_pass(sim, 15min);
        CHECK(node.dht.remote_address() == Endpoint{outside.host, port});
    };
    in_network(sim, 30, test);
}

TEST_CASE("a node that is open without its router's help needs none") {
    Sim sim(23);
    auto test = [&](Network& network, Tasks& all) -> Task<> {
        SimulatedDht& node = network.add_ephemeral(number);
        co_await network.run(node, all);
        co_await let_pass(sim, 30s);
        CHECK(node.dht.remote_address() == node.address);
        node.dht.set_forwarded(Endpoint{outside.host, port});
        CHECK(node.dht.remote_address() == node.address);
        node.dht.set_forwarded(std::nullopt);
        CHECK(node.dht.remote_address() == node.address);
    };
    in_network(sim, 30, test);
}
