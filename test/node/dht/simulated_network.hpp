// A small simulated DHT network to run a test in.
#pragma once

#include <doctest/doctest.h>

#include <deque>

#include "node/async/tasks.hpp"
#include "node/discover/announcer.hpp"
#include "test/node/dht/simulated_dht.hpp"

namespace kp2p::test {

// A first node that knows its address, then persistent ones that enter through it.
struct Network {
    Network(Sim& sim, std::uint32_t size) : sim(sim) {
        for (std::uint32_t i = 0; i < size; ++i) {
            DhtSetup setup;
            if (i == 0) {
                setup.public_address = host_of(0);
            } else {
                setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
                setup.persistence = Persistence::persistent;
                setup.reach = proto::dht::Reach::open;
            }
            nodes.push_back(std::make_unique<SimulatedDht>(sim, host_of(i), setup));
        }
    }
    SimulatedDht& add_ephemeral(std::uint32_t number) {
        DhtSetup setup;
        setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
        nodes.push_back(std::make_unique<SimulatedDht>(sim, host_of(number), setup));
        return *nodes.back();
    }
    // In how many tables it is.
    std::size_t known_by(const SimulatedDht& known) {
        std::size_t count = 0;
        for (auto& node : nodes)
            count +=
                node->dht.rpc().node().table().find(proto::dht::id_of(known.address)) != nullptr;
        return count;
    }
    // That what runs it may outlive the test's own variables.
    Announcer& announcer(SimulatedDht& node, const proto::KeyPair& keys) {
        return announcers.emplace_back(node.dht, keys);
    }
    Task<> run(SimulatedDht& node, Tasks& all) {
        all.spawn(node.dht.run());
        auto entered = co_await node.dht.bootstrap();
        CHECK(entered);
    }

    Sim& sim;
    std::vector<std::unique_ptr<SimulatedDht>> nodes;
    std::deque<Announcer> announcers;
};

// Runs `test` in a network of `size` nodes that have all entered it.
template <class Test>
void in_network(Sim& sim, std::uint32_t size, Test test) {
    Network network(sim, size);
    auto body = [&](Tasks& all) -> Task<> {
        for (auto& node : network.nodes) co_await network.run(*node, all);
        co_await test(network, all);
        all.cancel();
    };
    auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
    sim.run(root());
}

}  // namespace kp2p::test
