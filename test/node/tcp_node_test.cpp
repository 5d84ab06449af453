// A load that changes its way, in virtual time: from UDX to TCP, and back.
#include <deque>

#include "node/node.hpp"
#include "test/node/share/fake_network.hpp"
#include "test/sim/host.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

struct MovedLoad {
    std::uint64_t verified = 0;
    bool over = false;
    Result<std::filesystem::path> path;
};

Task<> load_moved(Node& node, Sha1 file, MovedLoad& load) {
    Diagnosis diagnosis;
    auto watch = [&load](const FetchProgress& progress) {
        load.verified = progress.verified_bytes;
    };
    const ProgressSink sink = watch;
    load.path = co_await node.share().load(uri_of(file), sink, diagnosis);
    load.over = true;
}

template <class Holds>
Task<> wait_until(Sim& sim, Holds holds) {
    constexpr Clock::Span limit = 5min, step = 1ms;
    for (Clock::Span waited{}; waited < limit && !holds(); waited += step) {
        auto slept = co_await sim.clock().sleep_for(step);
        if (!slept) co_return;
    }
    CHECK(holds());
}

Task<> moves(Sim& sim, SimDisk& disk, MemoryDoors& doors, std::deque<SimHost>& hosts,
             Tasks& tasks) {
    for (SimHost& host : hosts) {
        host.start(tasks);
        host.node().share().join(lab(), lab_key());
        auto entered = co_await host.node().entered();
        CHECK(entered);
    }
    SimHost &giver = hosts[1], &loader = hosts[2];
    for (const SimHost& host : hosts) doors.swallow(host.address());
    const ByteVector bytes = noise(12 * mib);
    auto stored = giver.node().store().put_bytes(bytes);
    REQUIRE(stored);
    MovedLoad load;
    loader.spawn(load_moved(loader.node(), *stored, load));
    co_await wait_until(sim, [&] { return load.verified >= mib; });
    CHECK(!load.over);
    CHECK(doors.carried_bytes() == 0);
    for (const SimHost& host : hosts) doors.pass(host.address());
    constexpr std::uint64_t over_tcp = 3 * mib;
    doors.cut_after(over_tcp);
    co_await wait_until(sim, [&] { return doors.carried_bytes() >= over_tcp; });
    CHECK(!load.over);
    co_await wait_until(sim, [&] { return load.over; });
    CHECK(doors.carried_bytes() < over_tcp + mib);
    REQUIRE(load.path);
    CHECK(disk.content(*load.path) == bytes);
}

}  // namespace

TEST_CASE("a load over UDX moves to TCP, and goes on over UDX when that is cut") {
    Sim sim(7);
    SimDisk disk(sim.clock(), 7);
    const DiskInstead in_use(disk);
    MemoryDoors doors(sim.loop().get_executor());
    std::deque<SimHost> hosts;
    for (std::uint32_t i = 0; i < 3; ++i) {
        DhtSetup setup;
        if (i == 0) setup.public_address = host_of(0);
        if (i > 0) setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
        setup.reach = proto::dht::Reach::open;
        hosts.emplace_back(sim, disk, i, setup, &doors);
    }
    auto body = [&](Tasks& tasks) -> Task<> {
        co_await moves(sim, disk, doors, hosts, tasks);
        tasks.cancel();
    };
    auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
    sim.run(root());
}

TEST_CASE("a named peer is reached while the network is silent") {
    Sim sim(8);
    SimDisk disk(sim.clock(), 8);
    const DiskInstead in_use(disk);
    MemoryDoors doors(sim.loop().get_executor());
    std::deque<SimHost> hosts;
    for (std::uint32_t i = 0; i < 2; ++i) {
        DhtSetup setup;
        setup.bootstrap.push_back(*parse_bootstrap(host_of(7).text()));  // nobody is there
        hosts.emplace_back(sim, disk, i, setup, &doors);
    }
    auto body = [&](Tasks& tasks) -> Task<> {
        hosts[0].start(tasks);
        const Endpoint there = hosts[0].address();
        hosts[1].name({hosts[0].node().id(), there.host.text(), there.port});
        hosts[1].start(tasks);
        bool entered = false;
        auto enter = [&]() -> Task<> {
            auto tried = co_await hosts[1].node().entered();
            entered = bool(tried);
        };
        tasks.spawn(enter());
        std::size_t connections = 0;
        while (connections == 0 && !entered) {
            auto slept = co_await sim.clock().sleep_for(10ms);
            if (!slept) co_return;
            connections = (co_await hosts[1].node().status()).connections;
        }
        CHECK(connections == 1);
        CHECK(!entered);
        tasks.cancel();
    };
    auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
    sim.run(root());
}
