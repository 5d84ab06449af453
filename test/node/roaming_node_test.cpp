// Whole nodes that are carried from one network to another while a file is on its way, in virtual
// time.
#include <doctest/doctest.h>

#include <deque>

#include "node/node.hpp"
#include "test/node/share/fake_network.hpp"
#include "test/sim/host.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

using NatKind = SimNat::Kind;

constexpr std::uint32_t open_hosts = 6;
constexpr Clock::Span longest_standstill = 3s;
constexpr Sim::Conditions everywhere{0, std::chrono::milliseconds(20),
                                     std::chrono::milliseconds(20)};

struct RoamingLoad {
    Clock* clock = nullptr;
    std::uint64_t verified = 0;
    Clock::Time last{};
    Clock::Span standstill{};  // the longest since it began
    bool over = false;
    Result<std::filesystem::path> path;
    std::string why;

    void moved(std::uint64_t now_verified) {
        if (now_verified == verified) return;
        if (verified > 0) standstill = std::max(standstill, clock->now() - last);
        verified = now_verified;
        last = clock->now();
    }
};

Task<> load_roaming(Node& node, Sha1 file, RoamingLoad& load) {
    Diagnosis diagnosis;
    auto watch = [&load](const FetchProgress& progress) { load.moved(progress.verified_bytes); };
    const ProgressSink sink = watch;
    load.path = co_await node.share().load(uri_of(file), sink, diagnosis);
    load.over = true;
    load.why = diagnosis.text();
}

enum class Moves { giver, loader };

struct RoamingWorld {
    explicit RoamingWorld(Moves who) : who(who), sim(11, everywhere), disk(sim.clock(), 11) {}

    template <class Holds>
    Task<> pass_until(Holds holds) {
        constexpr Clock::Span limit = 2min, step = 10ms;
        for (Clock::Span waited{}; waited < limit && !holds(); waited += step) {
            auto slept = co_await sim.clock().sleep_for(step);
            if (!slept) co_return;
        }
        CHECK(holds());
    }
    Task<> story(Tasks& tasks);

    Moves who;
    Sim sim;
    SimDisk disk;
    DiskInstead in_use{disk};
    std::deque<SimHost> all;
    RoamingLoad load;
};

Task<> RoamingWorld::story(Tasks& tasks) {
    for (SimHost& host : all) {
        host.start(tasks);
        auto entered = co_await host.node().entered();
        CHECK(entered);
    }
    SimHost &giver = all[open_hosts], &loader = all[open_hosts + 1];
    SimHost& moving = who == Moves::giver ? giver : loader;
    for (SimHost* member : {&giver, &loader}) member->node().share().join(lab(), lab_key());
    const ByteVector bytes = prose(40 * mib);
    auto stored = giver.node().store().put_bytes(bytes);
    REQUIRE(stored);
    auto slept = co_await sim.clock().sleep_for(20s);  // they meet
    CHECK(slept);
    load.clock = &sim.clock();
    loader.spawn(load_roaming(loader.node(), *stored, load));
    co_await pass_until([&] { return load.verified >= mib; });
    CHECK(!load.over);
    sim.nat(moving.address(), NatKind::port_restricted, host_of(9000));
    moving.carry(Host(10, 9, 9, 9));
    co_await pass_until([&] { return load.over; });
    CAPTURE(load.why);
    REQUIRE(load.path);
    CHECK(disk.content(*load.path) == bytes);
    CHECK(load.standstill < longest_standstill);
    const auto says = [&](const std::string& line) {
        return line.find("this computer has another address") != line.npos;
    };
    // The last of it may have been on its way already.
    co_await pass_until([&] { return std::ranges::count_if(moving.log(), says) == 1; });
}

}  // namespace

TEST_CASE("a load stands still for a moment when a node is carried to another network") {
    for (const Moves who : {Moves::giver, Moves::loader}) {
        CAPTURE(who == Moves::giver);
        RoamingWorld world(who);
        for (std::uint32_t i = 0; i < open_hosts + 2; ++i) {
            DhtSetup setup;
            if (i == 0) setup.public_address = host_of(0);
            if (i > 0) setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
            if (i < open_hosts) setup.reach = proto::dht::Reach::open;
            if (i < open_hosts) setup.persistence = Persistence::persistent;
            SimHost& host = world.all.emplace_back(world.sim, world.disk, i, setup);
            if (i < open_hosts) continue;
            host.punch();
            world.sim.nat(host.address(), NatKind::port_restricted, host_of(8000 + i));
        }
        auto body = [&](Tasks& tasks) -> Task<> {
            co_await world.story(tasks);
            tasks.cancel();
        };
        auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
        world.sim.run(root());
    }
}
