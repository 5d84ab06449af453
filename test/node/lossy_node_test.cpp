// Whole nodes in a network that loses much, in virtual time.
#include "node/node.hpp"

#include <doctest/doctest.h>

#include "test/node/share/fake_network.hpp"
#include "test/sim/host.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t dht_hosts = 4;
constexpr double loss = 0.25;

// Members of one channel: some that are open, of whom the first is where the others enter the
// network, and two behind NATs, of whom one has the file and the other has just started.
struct LossyHosts {
    explicit LossyHosts(std::uint64_t seed) : sim(seed), disk(sim.clock(), seed) {
        for (std::uint32_t i = 0; i < dht_hosts + 2; i++) {
            DhtSetup setup;
            if (i == 0) setup.public_address = host_of(0);
            if (i > 0) setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
            if (i < dht_hosts) setup.reach = proto::dht::Reach::open;
            all.emplace_back(sim, disk, i, setup);
            if (i < dht_hosts) continue;
            all.back().punch();
            sim.nat(host_of(i), SimNat::Kind::port_restricted, host_of(96 + i));
        }
    }
    Task<> enter(SimHost& host, Tasks& tasks) {
        host.start(tasks);
        host.node().share().join(lab(), lab_key());
        auto entered = co_await host.node().entered();
        CHECK(entered);
    }
    Task<> load_at_once(Tasks& tasks) {
        SimHost &loader = all.back(), &giver = all[dht_hosts];
        for (SimHost& host : all)
            if (&host != &loader) co_await enter(host, tasks);
        const ByteVector bytes = prose(1000);
        auto stored = giver.node().store().put_bytes(bytes);
        REQUIRE(stored);
        auto settled = co_await sim.clock().sleep_for(20s);
        CHECK(settled);
        sim.lose(loss);
        co_await enter(loader, tasks);
        Diagnosis diagnosis;
        auto path = co_await loader.node().share().load(uri_of(*stored), ProgressSink(), diagnosis);
        CAPTURE(diagnosis.text());
        REQUIRE(path);
        CHECK(disk.content(*path) == bytes);
    }

    Sim sim;
    SimDisk disk;
    const DiskInstead in_use{disk};
    std::deque<SimHost> all;
};

}  // namespace

TEST_CASE("who starts and loads at once gets the file, though one packet in four is lost") {
    // In these much of what proves the channel to each other is lost, several times in a row.
    for (const std::uint64_t seed : {153, 410, 664, 675, 853, 1514}) {
        CAPTURE(seed);
        LossyHosts hosts(seed);
        auto body = [&](Tasks& tasks) -> Task<> {
            co_await hosts.load_at_once(tasks);
            tasks.cancel();
        };
        auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
        hosts.sim.run(root());
    }
}
