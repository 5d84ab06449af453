// How many round trips a load takes from its call to its first verified MiB, over a connection that
// is up and knows its path: in virtual time, on a network that takes time but loses nothing.
#include <doctest/doctest.h>

#include <deque>

#include "node/node.hpp"
#include "test/node/share/fake_network.hpp"
#include "test/sim/host.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds one_way = 75ms;
constexpr Sim::Conditions far_apart{0, one_way, one_way};

struct FarApart {
    explicit FarApart(const Sim::Conditions& conditions = far_apart)
        : sim(21, conditions), disk(sim.clock(), 21) {
        for (std::uint32_t i = 0; i < 3; ++i) {
            DhtSetup setup;
            if (i == 0) setup.public_address = host_of(0);
            if (i > 0) setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
            if (i > 0) setup.reach = proto::dht::Reach::open;
            all.emplace_back(sim, disk, i, setup);
        }
    }

    Node& giver() { return all[1].node(); }
    Node& loader() { return all[2].node(); }

    Task<> start(Tasks& tasks) {
        for (SimHost& host : all) {
            host.start(tasks);
            host.node().share().join(lab(), lab_key());
            CHECK(co_await host.node().entered());
        }
    }

    // The seconds until so much of it is verified.
    Task<double> first_verified(Sha1 file, std::uint64_t bytes) {
        const auto start = sim.clock().now();
        std::optional<Clock::Span> reached;
        Diagnosis diagnosis;
        const ProgressSink sink = [&](const FetchProgress& progress) {
            if (!reached && progress.verified_bytes >= bytes) reached = sim.clock().now() - start;
        };
        auto path = co_await loader().share().load(uri_of(file), sink, diagnosis);
        CAPTURE(diagnosis.text());
        REQUIRE(path);
        REQUIRE(reached);
        co_return std::chrono::duration<double>(*reached).count();
    }

    Sim sim;
    SimDisk disk;
    const DiskInstead in_use{disk};
    std::deque<SimHost> all;
};

}  // namespace

TEST_CASE("the first MiB of a file is verified within a few round trips of its call") {
    // One for the call and its answer, and what a window takes that grows from 64 packets.
    struct Row {
        std::uint64_t bytes;
        double round_trips;
    };
    for (const Row& row : {Row{mib, 4.1}, Row{16 * mib, 4.1}, Row{mib + 1000, 5},
                           Row{3 * mib / 2, 5}, Row{16 * mib + mib / 2, 5}}) {
        CAPTURE(row.bytes);
        FarApart world;
        auto story = [&](Tasks& tasks) -> Task<> {
            co_await world.start(tasks);
            auto small = world.giver().store().put_bytes(noise(1000));
            auto stored = world.giver().store().put_bytes(noise(row.bytes, 2));
            REQUIRE(small);
            REQUIRE(stored);
            (void)co_await world.first_verified(*small, 1000);  // they are connected now
            const double seconds = co_await world.first_verified(*stored, mib);
            CHECK(seconds / (2 * std::chrono::duration<double>(one_way).count()) < row.round_trips);
            tasks.cancel();
        };
        auto root = [&]() -> Task<> { (void)co_await with_tasks(story); };
        world.sim.run(root());
    }
}

TEST_CASE("a node that starts is connected to a member within a few round trips") {
    FarApart world;
    auto story = [&](Tasks& tasks) -> Task<> {
        for (SimHost& host : world.all) {
            if (&host == &world.all.back()) {
                auto announced = co_await world.sim.clock().sleep_for(20s);
                CHECK(announced);
            }
            const auto began = world.sim.clock().now();
            host.start(tasks);
            host.node().share().join(lab(), lab_key());
            CHECK(co_await host.node().entered());
            if (&host != &world.all.back()) continue;
            // Who looks in the channel only once it has entered the network needs one more.
            while (host.node().brief().peers == 0) {
                auto slept = co_await world.sim.clock().sleep_for(1ms);
                if (!slept) break;
            }
            const std::chrono::duration<double> seconds = world.sim.clock().now() - began;
            CHECK(seconds.count() / (2 * std::chrono::duration<double>(one_way).count()) < 4.1);
        }
        tasks.cancel();
    };
    auto root = [&]() -> Task<> { (void)co_await with_tasks(story); };
    world.sim.run(root());
}

TEST_CASE("who stops is announced no more, however far away the others are") {
    for (const auto way : {20ms, 75ms, 300ms}) {
        CAPTURE(way.count());
        FarApart world({0, way, way});
        SimClock& clock = world.sim.clock();
        DhtSetup entering;
        entering.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
        SimulatedDht other(world.sim, host_of(9), entering);
        auto story = [&](Tasks& tasks) -> Task<> {
            co_await world.start(tasks);
            tasks.spawn(other.dht.run());
            auto entered = co_await other.dht.bootstrap();
            CHECK(entered);
            auto settled = co_await clock.sleep_for(20s);
            CHECK(settled);
            const NodeId gone = world.giver().id();
            std::size_t found = 0;
            const auto look = [&]() -> Task<> {
                found = 0;
                Dht::FoundRelays take = [&](const FoundRelay&) { ++found; };
                auto looked = co_await other.dht.find_peer(gone, Dht::FindingPeer(), take);
                CHECK(looked);
            };
            co_await look();
            CHECK(found > 0);
            const auto began = clock.now();
            co_await world.giver().farewell();
            CHECK(clock.now() - began < std::max<Clock::Span>(600ms, 8 * way));
            co_await world.all[1].kill(Death::of_process);
            co_await look();
            CHECK(found == 0);
            tasks.cancel();
        };
        auto root = [&]() -> Task<> { (void)co_await with_tasks(story); };
        world.sim.run(root());
    }
}
