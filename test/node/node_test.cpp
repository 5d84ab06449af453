// Whole nodes in one process and in virtual time: from the DHT to the files on their disks.
#include "node/node.hpp"

#include <doctest/doctest.h>

#include "test/node/share/fake_network.hpp"
#include "test/sim/host.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t host_count = 5;
constexpr std::uint64_t file_bytes = 9 * mib;

// All that can be seen of a run from outside.
struct Trace {
    std::vector<Sim::Sent> sent;
    std::vector<std::string> log;  // of every host, one after another
    friend bool operator==(const Trace&, const Trace&) = default;
};

struct Loading {
    std::uint64_t resumed_at = 0, verified = 0;  // bytes
    bool over = false;
    Result<std::filesystem::path> path;
    std::string why;
};

// Five hosts: the first is where the others enter the network, the last is behind a firewall.
struct Hosts {
    Hosts(Sim& sim, SimDisk& disk) : sim(sim), disk(disk) {
        for (std::uint32_t i = 0; i < host_count; ++i) {
            DhtSetup setup;
            if (i == 0) setup.public_address = host_of(0);
            if (i > 0) setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
            if (i + 1 < host_count) setup.reach = proto::dht::Reach::open;
            all.emplace_back(sim, disk, i, setup);
        }
        sim.firewall(host_of(host_count - 1));
    }
    Task<> start(SimHost& host, Tasks& tasks) {
        host.start(tasks);
        host.node().share().join(lab(), lab_key());
        auto entered = co_await host.node().entered();
        CHECK(entered);
    }
    // Waits for virtual time to pass until it holds.
    template <class Holds>
    Task<> until(Holds holds) {
        constexpr Clock::Span limit = 10min, step = 20ms;
        for (Clock::Span waited{}; waited < limit && !holds(); waited += step) {
            auto slept = co_await sim.clock().sleep_for(step);
            if (!slept) co_return;
        }
        CHECK(holds());
    }

    Sim& sim;
    SimDisk& disk;
    std::deque<SimHost> all;
};

Task<> load(Node& node, Sha1 file, Loading& loading) {
    Diagnosis diagnosis;
    auto watch = [&loading](const FetchProgress& progress) {
        if (progress.size_bytes == 0) return;
        if (loading.verified == 0) loading.resumed_at = progress.verified_bytes;
        loading.verified = progress.verified_bytes;
    };
    const ProgressSink sink = watch;
    loading.path = co_await node.share().load(uri_of(file), sink, diagnosis);
    loading.over = true;
    loading.why = diagnosis.text();
}

Task<> load_whole(Hosts& hosts, SimHost& host, Sha1 file, const ByteVector& bytes,
                  Loading& loading) {
    host.spawn(load(host.node(), file, loading));
    co_await hosts.until([&] { return loading.over; });
    CAPTURE(loading.why);
    REQUIRE(loading.path);
    CHECK(hosts.disk.content(*loading.path) == bytes);
}

// Loads until so much is verified; then it dies, and starts again.
Task<> load_and_die(Hosts& hosts, Tasks& tasks, SimHost& host, Sha1 file, std::uint64_t verified,
                    Death death) {
    Loading loading;
    host.spawn(load(host.node(), file, loading));
    co_await hosts.until([&] { return loading.verified >= verified; });
    CHECK(!loading.over);
    co_await host.kill(death);
    CHECK(!loading.path);
    co_await hosts.start(host, tasks);
}

// A load outlives the death of one who gives, and goes on where a loader's own death left it.
Task<> deaths(Hosts& hosts, Tasks& tasks) {
    for (SimHost& host : hosts.all) co_await hosts.start(host, tasks);
    const ByteVector bytes = prose(file_bytes);
    SimHost &giver = hosts.all[1], &other = hosts.all[2], &loader = hosts.all[3];
    SimHost& mortal = hosts.all[4];
    auto stored = giver.node().store().put_bytes(bytes);
    REQUIRE(stored);
    REQUIRE(other.node().store().put_bytes(bytes));

    Loading first;
    loader.spawn(load(loader.node(), *stored, first));
    co_await hosts.until([&] { return first.verified >= 2 * mib; });
    CHECK(!first.over);
    co_await giver.kill(Death::of_power);
    co_await hosts.until([&] { return first.over; });
    CAPTURE(first.why);
    REQUIRE(first.path);
    CHECK(hosts.disk.content(*first.path) == bytes);

    Loading last;
    co_await load_and_die(hosts, tasks, mortal, *stored, 3 * mib, Death::of_process);
    co_await load_and_die(hosts, tasks, mortal, *stored, 4 * mib, Death::of_process);
    co_await load_whole(hosts, mortal, *stored, bytes, last);
    CHECK(last.resumed_at >= 4 * mib);  // nothing verified is fetched twice

    auto status = co_await mortal.node().status();
    CHECK(status.in_network);
    CHECK(status.firewalled);
    CHECK(status.partials.files == 0);
    CHECK(status.channels == std::vector<ChannelName>{lab()});
}

// What a power cut leaves of a load is right, or fetched again; what was acknowledged is there.
Task<> power_cuts(Hosts& hosts, Tasks& tasks) {
    for (SimHost& host : hosts.all) co_await hosts.start(host, tasks);
    const ByteVector bytes = prose(file_bytes);
    SimHost &giver = hosts.all[1], &loader = hosts.all[3], &small = hosts.all[4];
    auto stored = giver.node().store().put_bytes(bytes);
    REQUIRE(stored);
    Loading last, again, first;
    co_await load_and_die(hosts, tasks, loader, *stored, 3 * mib, Death::of_power);
    co_await load_whole(hosts, loader, *stored, bytes, last);
    for (SimHost* host : {&giver, &loader}) {
        co_await host->kill(Death::of_power);
        co_await hosts.start(*host, tasks);
        auto found = host->node().store().find(*stored);
        CHECK(found);
    }

    hosts.disk.limit(small.storage(), 3 * mib);
    small.spawn(load(small.node(), *stored, first));
    co_await hosts.until([&] { return first.over; });
    CHECK(first.path.error() == Errc::out_of_space);
    hosts.disk.limit(small.storage(), 20 * mib);
    co_await load_whole(hosts, small, *stored, bytes, again);
}

using Story = Task<> (*)(Hosts&, Tasks&);

Trace trace_of(Story story, std::uint64_t seed) {
    CAPTURE(seed);
    Sim::Conditions conditions;
    conditions.loss = 0.01;
    Sim sim(seed, conditions);
    Trace trace;
    sim.record(trace.sent);
    SimDisk disk(sim.clock(), seed);
    const DiskInstead in_use(disk);
    Hosts hosts(sim, disk);
    auto body = [&](Tasks& tasks) -> Task<> {
        co_await story(hosts, tasks);
        tasks.cancel();
    };
    auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
    sim.run(root());
    for (const SimHost& host : hosts.all)
        trace.log.insert(trace.log.end(), host.log().begin(), host.log().end());
    return trace;
}

}  // namespace

TEST_CASE("whole nodes share a file though some are killed, and a seed replays to the same") {
    struct Row {
        const char* name;
        Story story;
    };
    for (const Row& row : {Row{"deaths", deaths}, Row{"power cuts", power_cuts}}) {
        CAPTURE(std::string(row.name));
        const Trace first = trace_of(row.story, 1);
        CHECK(first.sent.size() > 10'000);
        const Trace again = trace_of(row.story, 1);
        const auto differs = std::ranges::mismatch(first.sent, again.sent).in1 - first.sent.begin();
        INFO("the first datagram that differs: " << differs << " of " << first.sent.size());
        CHECK(first == again);
        CHECK(first != trace_of(row.story, 2));
    }
}
