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

auto times_said(const SimHost& host, std::string_view words) {
    return std::ranges::count_if(
        host.log(), [&](const std::string& line) { return line.find(words) != line.npos; });
}

enum class Moves { giver, loader };
enum class When { amid_load, before_load };

struct RoamingWorld {
    RoamingWorld(Moves who, When when)
        : who(who), when(when), sim(11, everywhere), disk(sim.clock(), 11) {}

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
    When when;
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
    const auto begin_load = [&] { loader.spawn(load_roaming(loader.node(), *stored, load)); };
    const auto move = [&] { sim.nat(moving.address(), NatKind::port_restricted, host_of(9000)); };
    const auto has_begun = [&] { return load.verified >= mib; };
    const auto is_over = [&] { return load.over; };
    if (when == When::amid_load) {
        begin_load();
        co_await pass_until(has_begun);
        CHECK(!load.over);
        move();
        moving.carry(Host(10, 9, 9, 9));
    } else {
        move();  // which no interface tells
        const auto began = sim.clock().now();
        begin_load();
        co_await pass_until([&] { return has_begun() || load.over; });
        CHECK(sim.clock().now() - began < longest_standstill);
        // Who asks and hears nothing looks for another way by itself.
        CHECK(times_said(loader, "nothing comes from") == 1);
    }
    co_await pass_until(is_over);
    CAPTURE(load.why);
    REQUIRE(load.path);
    CHECK(disk.content(*load.path) == bytes);
    CHECK(load.standstill < longest_standstill);
    // The last of it may have been on its way already.
    const auto* noticed = when == When::amid_load ? "this computer has another address"
                                                  : "others see us at another address";
    co_await pass_until([&] { return times_said(moving, noticed) == 1; });
}

}  // namespace

TEST_CASE("a load stands still for a moment when a node is, or has just been, carried elsewhere") {
    for (int trip = 0; trip < 4; ++trip) {
        const Moves who = trip % 2 == 0 ? Moves::giver : Moves::loader;
        const When when = trip < 2 ? When::amid_load : When::before_load;
        CAPTURE(who == Moves::giver);
        CAPTURE(when == When::before_load);
        RoamingWorld world(who, when);
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
