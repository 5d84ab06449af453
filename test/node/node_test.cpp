// Whole nodes in one process and in virtual time: from the DHT to the files on their disks.
#include "node/node.hpp"

#include "test/node/share/fake_network.hpp"
#include "test/sim/host.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t host_count = 5;
constexpr std::uint64_t file_bytes = 6 * mib;

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
    explicit Hosts(Sim& sim) : sim(sim) {
        for (std::uint32_t i = 0; i < host_count; ++i) {
            DhtSetup setup;
            if (i == 0) setup.public_address = host_of(0);
            if (i > 0) setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
            if (i + 1 < host_count) setup.reach = proto::dht::Reach::open;
            all.emplace_back(sim, i, setup);
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

// A load outlives the death of one who gives, and goes on where a loader's own death left it.
Task<> deaths(Hosts& hosts, Tasks& tasks) {
    for (SimHost& host : hosts.all) co_await hosts.start(host, tasks);
    const ByteVector bytes = noise(file_bytes);
    SimHost &giver = hosts.all[1], &other = hosts.all[2], &loader = hosts.all[3];
    SimHost& mortal = hosts.all[4];
    auto stored = giver.node().store().put_bytes(bytes);
    REQUIRE(stored);
    REQUIRE(other.node().store().put_bytes(bytes));

    Loading first, second, third;
    loader.spawn(load(loader.node(), *stored, first));
    co_await hosts.until([&] { return first.verified >= 2 * mib; });
    CHECK(!first.over);
    co_await giver.kill();
    co_await hosts.until([&] { return first.over; });
    CAPTURE(first.why);
    REQUIRE(first.path);
    CHECK(content(*first.path) == bytes);

    mortal.spawn(load(mortal.node(), *stored, second));
    co_await hosts.until([&] { return second.verified >= 3 * mib; });
    CHECK(!second.over);
    co_await mortal.kill();
    CHECK(second.over);
    CHECK(!second.path);
    co_await hosts.start(mortal, tasks);
    mortal.spawn(load(mortal.node(), *stored, third));
    co_await hosts.until([&] { return third.over; });
    CAPTURE(third.why);
    REQUIRE(third.path);
    CHECK(content(*third.path) == bytes);
    CHECK(third.resumed_at >= 3 * mib);  // nothing verified is fetched twice

    auto status = co_await mortal.node().status();
    CHECK(status.in_network);
    CHECK(status.firewalled);
    CHECK(status.partials.files == 0);
    CHECK(status.channels == std::vector<ChannelName>{lab()});
}

Trace trace_of(std::uint64_t seed) {
    CAPTURE(seed);
    Sim::Conditions conditions;
    conditions.loss = 0.01;
    Sim sim(seed, conditions);
    Trace trace;
    sim.record(trace.sent);
    Hosts hosts(sim);
    auto body = [&](Tasks& tasks) -> Task<> {
        co_await deaths(hosts, tasks);
        tasks.cancel();
    };
    auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
    sim.run(root());
    for (const SimHost& host : hosts.all)
        trace.log.insert(trace.log.end(), host.log().begin(), host.log().end());
    return trace;
}

}  // namespace

TEST_CASE("whole nodes share a file though one that gives and one that loads are killed") {
    const Trace first = trace_of(1);
    CHECK(first.sent.size() > 10'000);
    const Trace again = trace_of(1);
    const auto differs = std::ranges::mismatch(first.sent, again.sent).in1 - first.sent.begin();
    INFO("the first datagram that differs: " << differs << " of " << first.sent.size());
    CHECK(first == again);
    CHECK(first != trace_of(2));
}
