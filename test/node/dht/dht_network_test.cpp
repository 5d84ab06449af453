// Hundreds of our nodes in one process and in virtual time: they find each other's announces
// although packets are lost and nodes die.
#include <doctest/doctest.h>

#include "node/async/tasks.hpp"
#include "test/node/dht/simulated_dht.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t announcers = 12;

proto::KeyPair keys_of(std::uint32_t number) {
    return proto::KeyPair::from_seed(seed_of(1000 + number));
}

struct World {
    World(std::uint32_t n_nodes, std::uint64_t seed, const Sim::Conditions& conditions)
        : sim(seed, conditions) {
        for (std::uint32_t i = 0; i < n_nodes; ++i) {
            DhtSetup setup;
            if (i == 0)
                setup.public_address = host_of(0);
            else
                setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
            // Two in three can be stored by others; ephemeral ones would be of no use to them.
            if (i % 3) {
                setup.persistence = Persistence::persistent;
                setup.reach = proto::dht::Reach::open;
            }
            nodes.push_back(std::make_unique<SimulatedDht>(sim, host_of(i), setup));
        }
    }
    Dht& dht(std::uint32_t number) { return nodes[number]->dht; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(nodes.size()); }

    Sim sim;
    std::vector<std::unique_ptr<SimulatedDht>> nodes;
};

Task<> enter(World& world, std::uint32_t number, std::size_t& entered) {
    auto slept = co_await world.sim.clock().sleep_for(number * 100ms);
    if (!slept) co_return;
    auto in = co_await world.dht(number).bootstrap();
    entered += in ? 1 : 0;
}

Task<> announce(World& world, std::uint32_t number, std::size_t& announced) {
    Dht::Announcing announcing{keys_of(number), relays_at({host_of(number)}), {}};
    const std::uint32_t from = number * 7 + 5;
    auto end = co_await world.dht(from).announce(topic_of(number), std::move(announcing), nullptr);
    announced += end ? 1 : 0;
}

Task<> look_up(World& world, std::uint32_t number, std::uint32_t from, std::size_t& found) {
    bool seen = false;
    auto take = [&](const proto::dht::PeerRecord& peer) {
        CHECK(peer.key == keys_of(number).public_key());
        seen = true;
    };
    std::vector<Endpoint> seeds;
    auto end = co_await world.dht(from).lookup(topic_of(number), seeds, take);
    found += end && seen ? 1 : 0;
}

// How many of the lookups from `lookers` nodes for each announce find it.
Task<std::size_t> look_up_all(World& world, std::uint32_t lookers) {
    std::size_t found = 0;
    auto body = [&](Tasks& all) -> Task<> {
        for (std::uint32_t i = 0; i < announcers; ++i)
            for (std::uint32_t j = 0; j < lookers; ++j)
                all.spawn(look_up(world, i, (i * 23 + j * 31 + 100) % world.size(), found));
        co_return;
    };
    (void)co_await with_tasks(body);
    co_return found;
}

Task<> live(World& world, std::uint64_t& trace) {
    auto body = [&](Tasks& all) -> Task<> {
        for (auto& node : world.nodes) all.spawn(node->dht.run());
        std::size_t entered = 0, announced = 0;
        auto entering = [&](Tasks& tasks) -> Task<> {
            for (std::uint32_t i = 0; i < world.size(); ++i) tasks.spawn(enter(world, i, entered));
            co_return;
        };
        (void)co_await with_tasks(entering);
        CHECK(entered == world.size());
        auto announcing = [&](Tasks& tasks) -> Task<> {
            for (std::uint32_t i = 0; i < announcers; ++i)
                tasks.spawn(announce(world, i, announced));
            co_return;
        };
        (void)co_await with_tasks(announcing);
        CHECK(announced == announcers);
        const std::size_t found = co_await look_up_all(world, 5);
        CHECK(found == announcers * 5);

        // Half of those that store dies, and the first; the others still find it all.
        world.sim.kill(host_of(0));
        for (std::uint32_t i = 1; i < world.size(); i += 3) world.sim.kill(host_of(i));
        (void)co_await world.sim.clock().sleep_for(60s);
        std::size_t alive = 0, found_later = 0;
        auto looking = [&](Tasks& tasks) -> Task<> {
            for (std::uint32_t i = 0; i < announcers; ++i)
                for (std::uint32_t from = 2; from < world.size(); from += 97)
                    if (from % 3 != 1) {
                        ++alive;
                        tasks.spawn(look_up(world, i, from, found_later));
                    }
            co_return;
        };
        (void)co_await with_tasks(looking);
        CHECK(alive > announcers);
        CHECK(found_later == alive);
        trace = world.sim.trace();
        all.cancel();
    };
    (void)co_await with_tasks(body);
}

std::uint64_t live_once(std::uint32_t n_nodes, std::uint64_t seed,
                        const Sim::Conditions& conditions) {
    CAPTURE(seed);
    World world(n_nodes, seed, conditions);
    std::uint64_t trace = 0;
    world.sim.run(live(world, trace));
    return trace;
}

}  // namespace

TEST_CASE("hundreds of nodes find each other's announces through loss and death") {
    live_once(200, 1, {.loss = 0.05});
}

TEST_CASE("the same seed gives the same trace") {
    const auto first = live_once(100, 3, {.loss = 0.02});
    CHECK(first == live_once(100, 3, {.loss = 0.02}));
    CHECK(first != live_once(100, 4, {.loss = 0.02}));
}
