// Whole nodes and TCP, in virtual time: a load that moves from UDX to TCP, and back, and a peer
// that is named.
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

struct TcpWorld {
    explicit TcpWorld(std::uint64_t seed) : sim(seed), disk(sim.clock(), seed) {}

    SimHost& add(DhtSetup setup) {
        const auto number = static_cast<std::uint32_t>(all.size());
        return all.emplace_back(sim, disk, number, std::move(setup), &doors);
    }
    template <class Story>
    void run(Story story) {
        auto body = [&](Tasks& tasks) -> Task<> {
            co_await story(*this, tasks);
            tasks.cancel();
        };
        auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
        sim.run(root());
    }

    Sim sim;
    SimDisk disk;
    DiskInstead in_use{disk};
    MemoryDoors doors{sim.loop().get_executor()};
    bool entered = false;  // the network, by the node that was asked
    std::deque<SimHost> all;
};

DhtSetup entering_at(std::uint32_t number) {
    DhtSetup setup;
    setup.bootstrap.push_back(*parse_bootstrap(host_of(number).text()));
    return setup;
}

Task<> moves(TcpWorld& world, Tasks& tasks) {
    Sim& sim = world.sim;
    MemoryDoors& doors = world.doors;
    auto& hosts = world.all;
    for (SimHost& host : hosts) {
        host.start(tasks);
        host.node().share().join(lab(), lab_key());
        auto entered = co_await host.node().entered();
        CHECK(entered);
    }
    SimHost &giver = hosts[1], &loader = hosts[2];
    for (const SimHost& host : hosts) doors.swallow(host.address());
    const ByteVector bytes = prose(32 * mib);
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
    CHECK(world.disk.content(*load.path) == bytes);
}

// Outlives the story that asks: it waits for what does not come.
Task<> enter(Node& node, bool& entered) {
    auto tried = co_await node.entered();
    entered = bool(tried);
}

Task<> reaches_the_named(TcpWorld& world, Tasks& tasks) {
    SimHost &there = world.all[0], &here = world.all[1];
    there.start(tasks);
    here.name({there.node().id(), there.address().host.text(), there.address().port});
    here.start(tasks);
    here.spawn(enter(here.node(), world.entered));
    std::size_t connections = 0;
    while (connections == 0 && !world.entered) {
        auto slept = co_await world.sim.clock().sleep_for(10ms);
        if (!slept) co_return;
        const NodeStatus status = co_await here.node().status();
        connections = status.connections;
    }
    CHECK(connections == 1);
    CHECK(!world.entered);
}

}  // namespace

TEST_CASE("a load over UDX moves to TCP, and goes on over UDX when that is cut") {
    TcpWorld world(7);
    DhtSetup first;
    first.public_address = host_of(0);
    for (DhtSetup setup : {first, entering_at(0), entering_at(0)}) {
        setup.reach = proto::dht::Reach::open;
        world.add(setup);
    }
    world.run(moves);
}

TEST_CASE("a named peer is reached while the network is silent") {
    TcpWorld world(8);
    constexpr std::uint32_t nobody = 7;
    for (int i = 0; i < 2; ++i) world.add(entering_at(nobody));
    world.run(reaches_the_named);
}
