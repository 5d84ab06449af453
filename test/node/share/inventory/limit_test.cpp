// How fast files travel when a rate was said.
#include "node/share/inventory/throttle.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/provider.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t file_mib = 8;
constexpr std::uint64_t rate = 1'000'000;
constexpr double file_seconds = double(file_mib * mib) / double(rate);

proto::RateTable table(const std::string& text) {
    std::string complaint;
    return *proto::RateTable::parse(text, complaint);
}
proto::RateLimits up(const std::string& text) { return {.up = table(text), .down = {}}; }
proto::RateLimits down(const std::string& text) { return {.up = {}, .down = table(text)}; }

double seconds(Clock::Span span) { return std::chrono::duration<double>(span).count(); }
void check_near(double is, double should) {
    CAPTURE(is);
    CAPTURE(should);
    CHECK(std::abs(is - should) < 0.05 * should);
}

// How long a load takes, from one who has the file.
Task<double> timed_load(FakeNetwork& network, FakeNode& node, Sha1 file) {
    const auto began = network.clock.now();
    Outcome outcome;
    co_await load(node, file, outcome);
    CAPTURE(outcome.diagnosis.text());
    REQUIRE(outcome.path);
    co_return seconds(network.clock.now() - began);
}

Task<> giving(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const Sha1 file = *nodes[0]->store.put_bytes(noise(file_mib * mib));
    nodes[0]->share.limit(up("1M"));
    const double took = co_await timed_load(network, *nodes[1], file);
    check_near(took, file_seconds);
    CHECK(nodes[0]->share.rates().up == rate);
    CHECK_FALSE(nodes[0]->share.rates().down);
}

// The first chunk is asked for at once.
Task<> asking(FakeNetwork& network) {
    constexpr std::uint64_t long_mib = 2 * file_mib;
    auto nodes = co_await members(network, 3);
    const Sha1 file = *nodes[0]->store.put_bytes(noise(long_mib * mib));
    REQUIRE(nodes[1]->store.put_bytes(noise(long_mib * mib)));
    nodes[2]->share.limit(down("1M"));
    const double took = co_await timed_load(network, *nodes[2], file);
    check_near(took, double((long_mib - 1) * mib) / double(rate));
    CHECK(nodes[2]->share.traffic().all().received < (long_mib + 1) * mib);
}

// A chunk takes longer than a silent provider is waited for.
Task<> slowly(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const Sha1 file = *nodes[0]->store.put_bytes(noise(3 * mib));
    nodes[1]->share.limit(down("15K"));
    const double took = co_await timed_load(network, *nodes[1], file);
    CHECK(took > 2 * double(mib) / 15'000 - 1);
}

Task<> load_and_note(FakeNetwork& network, FakeNode& node, Sha1 file, double& took) {
    auto seconds = co_await timed_load(network, node, file);
    took = seconds;
}

// One who asks for three files at once has no more of it than one who asks for one.
Task<> fairly(FakeNetwork& network) {
    auto nodes = co_await members(network, 3);
    constexpr std::uint64_t each_mib = 4;
    std::vector<Sha1> files;
    for (std::uint32_t seed = 1; seed <= 4; ++seed)
        files.push_back(*nodes[0]->store.put_bytes(noise(each_mib * mib, seed)));
    nodes[0]->share.limit(up("1M"));
    double took[4] = {};
    auto body = [&](Tasks& all) -> Task<> {
        for (std::size_t i = 0; i < 4; ++i)
            all.spawn(load_and_note(network, *nodes[i == 0 ? 1 : 2], files[i], took[i]));
        co_return;
    };
    auto loaded = co_await with_tasks(body);
    REQUIRE(loaded);
    const double alone = double(each_mib * mib) / double(rate);
    CHECK(took[0] < 2 * alone * 1.1);
    check_near(std::max({took[1], took[2], took[3]}), 4 * alone);
}

// All loads get on, though a block's turn comes less often than a silent provider is waited for.
Task<> patiently(FakeNetwork& network) {
    constexpr std::size_t loaders = 6;
    auto nodes = co_await members(network, loaders + 1);
    const Sha1 file = *nodes[0]->store.put_bytes(noise(mib / 2));
    nodes[0]->share.limit(up("10K"));
    double took[loaders] = {};
    auto body = [&](Tasks& all) -> Task<> {
        for (std::size_t i = 0; i < loaders; ++i)
            all.spawn(load_and_note(network, *nodes[i + 1], file, took[i]));
        co_return;
    };
    auto loaded = co_await with_tasks(body);
    REQUIRE(loaded);
    const double together = loaders * double(mib / 2) / 10'000;
    CHECK(*std::ranges::max_element(took) < 1.1 * together);
    CHECK(*std::ranges::min_element(took) > 0.7 * together);
    // Nobody was given anything twice.
    CHECK(nodes[0]->share.traffic().all().given < loaders * (mib / 2) * 1.02);
}

// They begin at once, and what one has got it gives to the others.
Task<> among_each_other(FakeNetwork& network) {
    constexpr std::size_t loaders = 3;
    constexpr std::uint64_t long_mib = 16;
    auto nodes = co_await members(network, 1 + loaders);
    const Sha1 file = *nodes[0]->store.put_bytes(noise(long_mib * mib));
    for (FakeNode* node : nodes) node->share.limit(up("1M"));
    double took[loaders] = {};
    auto body = [&](Tasks& all) -> Task<> {
        for (std::size_t i = 0; i < loaders; ++i)
            all.spawn(load_and_note(network, *nodes[1 + i], file, took[i]));
        co_return;
    };
    auto loaded = co_await with_tasks(body);
    REQUIRE(loaded);
    const double one = double(long_mib * mib) / double(rate);
    const double last = *std::max_element(std::begin(took), std::end(took));
    MESSAGE("the last of ", loaders, " after ", last / one, " of the time of one");
    CHECK(last < 1.7 * one);
}

// Who asks for chunks of what is being loaded is asked for the file in return, without a search.
Task<> in_return(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const Sha1 file = *nodes[0]->store.put_bytes(noise(file_mib * mib));
    nodes[0]->share.limit(up("1M"));
    RawPeer other(network);
    ChannelEnd transfer = co_await other.open_transfer(nodes[1]->id);
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[1], file, outcome));
        (void)co_await network.clock.sleep_for(3s);
        const proto::Open open{1, file};
        co_await send(transfer, encode(open));
        auto opened = co_await next<proto::Opened>(transfer);
        CHECK(opened.have);
        const proto::Get get{1, file_mib - 1};
        co_await send(transfer, encode(get));
        auto opened_here = co_await next<proto::Open>(transfer);
        CHECK(opened_here.file == file);
        CHECK_FALSE(outcome.over);
        all.cancel();
    };
    auto loaded = co_await with_tasks(body);
    (void)loaded;
}

// Who is in a limited channel gets that; who is not, or in the other direction, is not held up.
Task<> in_channel(FakeNetwork& network) {
    auto nodes = co_await members(network, 3);
    const ChannelName other = *ChannelName::parse("other");
    FakeNode& outsider = network.add();
    for (FakeNode* node : {nodes[0], &outsider}) node->share.join(other, other_key());
    const Sha1 file = *nodes[0]->store.put_bytes(noise(4 * mib));
    std::string complaint;
    const auto limit = proto::ChannelLimit::parse("1M;none;" + lab().text(), complaint);
    REQUIRE(limit);
    nodes[0]->share.limit({}, {*limit});
    double took[3] = {};
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load_and_note(network, *nodes[1], file, took[0]));
        all.spawn(load_and_note(network, *nodes[2], file, took[1]));
        all.spawn(load_and_note(network, outsider, file, took[2]));
        co_return;
    };
    auto loaded = co_await with_tasks(body);
    REQUIRE(loaded);
    CHECK(took[2] < 1);
    CHECK(std::max(took[0], took[1]) > 0.8 * 4);
    nodes[0]->share.limit({});
    REQUIRE(nodes[0]->share.rates().up == std::nullopt);
    const Sha1 later = *nodes[0]->store.put_bytes(noise(4 * mib, 2));
    CHECK((co_await timed_load(network, *nodes[1], later)) < 1);

    const auto asked = proto::ChannelLimit::parse("none;1M;" + lab().text(), complaint);
    const Sha1 last = *nodes[0]->store.put_bytes(noise(4 * mib, 3));
    nodes[1]->share.limit({}, {*asked});
    CHECK((co_await timed_load(network, *nodes[1], last)) > 2);
}

// Who waits for a narrow rate does not hold up those who wait for a wide one.
Task<> apart(FakeNetwork& network) {
    Throttle narrow(network.runtime), wide(network.runtime);
    narrow.set(10'000);
    wide.set(rate);
    const int held = 0, free = 0;
    const std::vector<Throttle*> both{&narrow, &wide};
    while (Throttle::try_take(both, &held, mib)) {
    }
    std::uint64_t taken = 0;
    for (int i = 0; i < 600; ++i) {
        CHECK_FALSE(Throttle::try_take(both, &held, mib));
        if (wide.try_take(&free, 65536)) taken += 65536;
        (void)co_await network.clock.sleep_for(10ms);
    }
    CHECK(taken > 4 * rate);
}

Task<> take_on(Throttle& throttle, NodeId whose, std::size_t bytes, std::uint64_t& taken) {
    for (;;) {
        auto allowed = co_await throttle.take(whose, bytes);
        if (!allowed) co_return;
        taken += bytes;
    }
}

Task<> try_on(FakeNetwork& network, Throttle& throttle, std::chrono::milliseconds pause,
              std::uint64_t& taken) {
    for (;;) {
        while (throttle.try_take(&taken, mib)) taken += mib;
        auto slept = co_await network.clock.sleep_for(pause);
        if (!slept) co_return;
    }
}

// By bytes, whoever takes more of them at a time or in more places.
Task<> shares(FakeNetwork& network) {
    Throttle throttle(network.runtime);
    throttle.set(rate);
    std::uint64_t many = 0, one = 0, little = 0, often = 0, seldom = 0;
    auto giving = [&](Tasks& all) -> Task<> {
        for (int i = 0; i < 6; ++i) all.spawn(take_on(throttle, numbered(1), 65536, many));
        all.spawn(take_on(throttle, numbered(2), 65536, one));
        for (int i = 0; i < 2; ++i) all.spawn(take_on(throttle, numbered(3), 5000, little));
        (void)co_await network.clock.sleep_for(60s);
        all.cancel();
    };
    (void)co_await with_tasks(giving);
    for (const std::uint64_t taken : {many, one, little}) check_near(double(taken), 20.0 * rate);
    auto asking_twice = [&](Tasks& all) -> Task<> {
        all.spawn(try_on(network, throttle, 10ms, often));
        all.spawn(try_on(network, throttle, 190ms, seldom));
        (void)co_await network.clock.sleep_for(120s);
        all.cancel();
    };
    (void)co_await with_tasks(asking_twice);
    for (const std::uint64_t taken : {often, seldom}) check_near(double(taken), 60.0 * rate);
}

// While files crawl, questions are answered at once.
Task<> questions(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const Sha1 large = *nodes[0]->store.put_bytes(noise(4 * mib, 1));
    const Sha1 other = *nodes[0]->store.put_bytes(noise(4 * mib, 2));
    nodes[0]->share.limit(up("50K"));
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[1], large, outcome));
        for (int i = 0; i < 3; ++i) {
            (void)co_await network.clock.sleep_for(5s);
            const auto began = network.clock.now();
            Clock::Time answered{};
            Diagnosis diagnosis;
            auto note = [&](const FoundProvider&) { answered = network.clock.now(); };
            auto found = co_await nodes[1]->share.find(uri_of(other), note, diagnosis);
            REQUIRE(found);
            CHECK(answered - began < 1s);
        }
        CHECK_FALSE(outcome.over);
        all.cancel();
    };
    auto asked = co_await with_tasks(body);
    (void)asked;
}

// A chunk of the large one takes twenty seconds.
Task<> beside(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const Sha1 large = *nodes[0]->store.put_bytes(noise(4 * mib, 1));
    const Sha1 small = *nodes[0]->store.put_bytes(noise(1000, 2));
    nodes[0]->share.limit(up("50K"));
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[1], large, outcome));
        (void)co_await network.clock.sleep_for(5s);
        const double took = co_await timed_load(network, *nodes[1], small);
        CHECK(took < 5);
        CHECK_FALSE(outcome.over);
        all.cancel();
    };
    auto loaded = co_await with_tasks(body);
    (void)loaded;
}

Task<> meanwhile(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const Sha1 file = *nodes[0]->store.put_bytes(noise(file_mib * mib));
    nodes[0]->share.limit(up("10K"));
    double took = 0;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load_and_note(network, *nodes[1], file, took));
        (void)co_await network.clock.sleep_for(10s);
        nodes[0]->share.limit(up("1M"));
        (void)co_await network.clock.sleep_for(5s);
        CHECK(took == 0);
        nodes[0]->share.limit(up("none"));
    };
    auto loaded = co_await with_tasks(body);
    REQUIRE(loaded);
    CHECK(took < 16);
}

// The simulated calendar begins on a full hour; where that is in a week depends on the time zone.
Task<> by_the_hour(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const Sha1 file = *nodes[0]->store.put_bytes(noise(file_mib * mib));
    const std::time_t now = Clock::WallTime::clock::to_time_t(network.clock.wall_now());
    std::tm local{};
    ::localtime_r(&now, &local);
    const auto text = [&](int minutes) {
        const int all = (local.tm_hour * 60 + local.tm_min + minutes) % (24 * 60);
        char entry[16];
        std::snprintf(entry, sizeof entry, "%02d:%02d", all / 60, all % 60);
        return std::string(entry);
    };
    nodes[0]->share.limit(up(text(0) + ",20K " + text(2) + ",none"));
    const auto began = network.clock.now();
    const double took = co_await timed_load(network, *nodes[1], file);
    (void)began;
    CHECK(took > 119 - local.tm_sec);
    CHECK(took < 122);
}

}  // namespace

TEST_CASE("files are given no faster than said, and no slower") { in_network(giving); }
TEST_CASE("files are asked for no faster than said, from all together") { in_network(asking); }
TEST_CASE("a rate at which a chunk takes a minute ends no load") { in_network(slowly); }
TEST_CASE("each peer gets the same share of a rate") { in_network(fairly); }
TEST_CASE("who shares a low rate with many does not give up") { in_network(patiently); }
TEST_CASE("several that load from one who gives slowly give to each other") {
    in_network(among_each_other);
}
TEST_CASE("a file that is being loaded is opened at who asks for chunks of it") {
    in_network(in_return);
}
TEST_CASE("a channel's rate holds for its members alone") { in_network(in_channel); }
TEST_CASE("rates of a channel and of all are waited for apart") { in_network(apart); }
TEST_CASE("no way of taking gets more of a rate than another") { in_network(shares); }
TEST_CASE("messages do not wait behind files that are held back") { in_network(questions); }
TEST_CASE("a small file does not wait for the chunks of a large one") { in_network(beside); }
TEST_CASE("a new rate holds at once") { in_network(meanwhile); }
TEST_CASE("a timetable is followed") { in_network(by_the_hour); }
