#include <deque>
#include <fstream>
#include <random>

#include "node/async/timeout.hpp"
#include "test/node/share/fake_network.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/proto/file/sha1_collisions.hpp"
#include "test/run.hpp"
#include "test/share/liar_peer.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

Task<> one_file(FakeNetwork& network) {
    FakeNode& a = network.add();
    FakeNode& b = network.add();
    auto joined = co_await a.share.join(lab());
    REQUIRE(joined);
    b.share.join(lab(), lab_key());
    for (std::uint64_t size :
         {std::uint64_t{0}, std::uint64_t{1}, mib - 1, mib, mib + 1, 3 * mib + 77}) {
        CAPTURE(size);
        const ByteVector bytes = noise(size);
        auto sha1 = a.store.put_bytes(bytes);
        REQUIRE(sha1);
        Diagnosis diagnosis;
        auto path = co_await b.share.load(uri_of(*sha1), ProgressSink(), diagnosis);
        CAPTURE(diagnosis.text());
        REQUIRE(path);
        CHECK(content(*path) == bytes);
    }
}

Task<> one_after_another(FakeNetwork& network) {
    auto nodes = co_await members(network, 3);
    Share& loader = nodes[1]->share;
    const auto text_of_missing = [&](std::uint32_t seed) -> Task<std::string> {
        Diagnosis diagnosis;
        auto missing =
            co_await loader.load(uri_of(proto::sha1_of(noise(9, seed))), ProgressSink(), diagnosis);
        CHECK(missing.error() == Errc::not_found);
        const std::string text = diagnosis.text();
        co_return text.substr(0, text.find(" (after"));
    };
    const auto load_from = [&](FakeNode& giver, std::uint32_t seed) -> Task<> {
        auto stored = giver.store.put_bytes(noise(100, seed));
        REQUIRE(stored);
        Diagnosis diagnosis;
        auto path = co_await loader.load(uri_of(*stored), ProgressSink(), diagnosis);
        CAPTURE(diagnosis.text());
        REQUIRE(path);
    };
    const std::string before = co_await text_of_missing(1000);
    co_await load_from(*nodes[0], 0);

    RawPeer ear(network);
    ChannelEnd lookup = co_await ear.open_lookup(nodes[1]->id);
    for (std::uint32_t seed = 1; seed < 20; ++seed) co_await load_from(*nodes[0], seed);
    auto heard = co_await with_timeout(network.clock, 20ms, lookup->receive());
    CHECK(heard.error() == Errc::timed_out);
    const auto began = network.clock.now();
    co_await load_from(*nodes[2], 2000);
    CHECK(network.clock.now() - began < 100ms);
    auto seeking = co_await next<proto::Seeking>(lookup);
    CHECK(seeking.file == proto::sha1_of(noise(100, 2000)));

    lookup->close();
    network.disconnect(ear.id());
    const std::string after = co_await text_of_missing(1001);
    CHECK(after == before);
}

struct LieRow {
    LiarLie lie;
    std::uint64_t at;
    const char* words;
};

Task<> liars(FakeNetwork& network) {
    const ChannelKey& key = lab_key();
    auto nodes = co_await members(network, 2);
    const Topic topic = proto::channel_topic(key);
    const LieRow rows[] = {
        {LiarLie::byte, 4, "sent a wrong chunk 4"}, {LiarLie::byte, 1, "sent a wrong chunk 1"},
        {LiarLie::link, 2, "sent a wrong chunk 2"}, {LiarLie::link, 0, "sent a wrong chunk 0"},
        {LiarLie::size, 0, "sent a wrong chunk 5"}, {LiarLie::garbage, 0, "make no sense"},
    };
    std::deque<LiarPeer> peers;
    std::uint32_t seed = 10;
    for (const LieRow& row : rows) {
        CAPTURE(std::string(row.words));
        const ByteVector bytes = noise(4 * mib + 5, ++seed);
        NodeId id = numbered(static_cast<std::uint8_t>(3 + peers.size()));
        LiarPeer& liar = peers.emplace_back(key, id, bytes, row.lie, row.at);
        const NodeId added = network.add_stranger(
            topic, [&liar](std::shared_ptr<Connection> c) { return liar.serve(std::move(c)); });
        REQUIRE(added == id);

        Diagnosis alone;
        auto failed = co_await nodes[1]->share.load(uri_of(liar.file()), ProgressSink(), alone);
        CAPTURE(alone.text());
        CHECK(failed.error() == Errc::verification_failed);
        CHECK(!nodes[1]->store.find(liar.file()));
        CHECK(alone.text().find(row.words) != std::string::npos);
        CHECK(logged(*nodes[1], id));

        auto stored = nodes[0]->store.put_bytes(bytes);
        REQUIRE(stored);
        Diagnosis beside;
        auto path = co_await nodes[1]->share.load(uri_of(liar.file()), ProgressSink(), beside);
        CAPTURE(beside.text());
        REQUIRE(path);
        CHECK(content(*path) == bytes);
    }
}

// Honest providers, of what an attack on SHA-1 has made.
Task<> attacks(FakeNetwork& network) {
    const ChannelKey& key = lab_key();
    auto nodes = co_await members(network, 2);
    const struct {
        std::size_t after;
        const char* words;
    } rows[] = {{0, "sent a chunk 0 that is part of a SHA-1 collision attack"},
                {3 * mib + 5, "sent a chunk 0 that is part of a SHA-1 collision attack"}};
    std::deque<LiarPeer> peers;
    for (const auto& row : rows) {
        CAPTURE(row.after);
        ByteVector bytes = sha1_collisions().front().bytes;
        const ByteVector more = noise(row.after);
        bytes.insert(bytes.end(), more.begin(), more.end());
        NodeId id = numbered(static_cast<std::uint8_t>(3 + peers.size()));
        LiarPeer& peer = peers.emplace_back(key, id, bytes, LiarLie::none, 0);
        network.add_stranger(proto::channel_topic(key), [&peer](std::shared_ptr<Connection> c) {
            return peer.serve(std::move(c));
        });
        Diagnosis diagnosis;
        auto failed = co_await nodes[1]->share.load(uri_of(peer.file()), ProgressSink(), diagnosis);
        CAPTURE(diagnosis.text());
        CHECK(failed.error() == Errc::sha1_collision);
        CHECK(diagnosis.text().find(row.words) != std::string::npos);
        CHECK(!nodes[1]->store.find(peer.file()));
    }
}

Task<> strangers(FakeNetwork& network) {
    const ChannelKey& key = lab_key();
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(mib);
    auto stored = nodes[0]->store.put_bytes(bytes);
    REQUIRE(stored);

    // Knows the topic, not the name: its proof is wrong.
    const NodeId id = numbered(2);
    LiarPeer liar(key, id, noise(3 * mib, 5), LiarLie::no_proof, 0);
    network.add_stranger(proto::channel_topic(key), [&liar](std::shared_ptr<Connection> c) {
        return liar.serve(std::move(c));
    });
    Diagnosis diagnosis;
    auto failed = co_await nodes[0]->share.load(uri_of(liar.file()), ProgressSink(), diagnosis);
    CHECK(failed.error() == Errc::not_found);
    CHECK(liar.opens() == 0);
    CHECK(logged(*nodes[0], id));

    // Is in another channel.
    FakeNode& other = network.add();
    other.share.join(*ChannelName::parse("their-lab"), other_key());
    auto connection = network.connect(other.id, nodes[0]->id);
    Diagnosis why;
    auto refused = co_await other.share.load(uri_of(*stored), ProgressSink(), why);
    CHECK(refused.error() == Errc::not_found);
    CHECK(why.text() == "no other node in channel their-lab could be reached (after 5 s)");

    // Others were found there, and could not be reached: those that run are nearer.
    const Finding away{.code = Finding::Code::relays_silent, .node = id};
    const Finding there{.code = Finding::Code::no_way_through, .node = nodes[0]->id};
    other.peers.unreached = {away, there};
    Diagnosis unreached;
    auto nobody = co_await other.share.load(uri_of(*stored), ProgressSink(), unreached);
    CHECK(nobody.error() == Errc::not_found);
    CHECK(unreached.text() == sentence_of(there) + "; " + why.text() + "; " + sentence_of(away));
}

// Opens the transfer channel without any lookup channel. It may end after whoever looks on.
Task<> open_unproven(std::shared_ptr<Connection> connection, std::shared_ptr<bool> answered) {
    auto channel = co_await connection->open(proto::transfer_protocol, ByteVector(), ByteVector());
    *answered = bool(channel);
}

Task<> unproven_transfer(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const auto answered = std::make_shared<bool>(false);
    const NodeId id =
        network.add_stranger(Topic(), [answered](std::shared_ptr<Connection> connection) {
            return open_unproven(std::move(connection), answered);
        });
    auto connection = network.connect(id, nodes[0]->id);
    auto why = co_await connection->closed();
    CHECK(!why);
    CHECK(!*answered);
}

Task<> two_providers(FakeNetwork& network) {
    const ChannelKey& key = lab_key();
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(16 * mib);
    std::deque<LiarPeer> honest;
    for (const std::uint8_t number : {std::uint8_t{2}, std::uint8_t{3}}) {
        LiarPeer& peer = honest.emplace_back(key, numbered(number), bytes, LiarLie::none, 0);
        network.add_stranger(proto::channel_topic(key), [&peer](std::shared_ptr<Connection> c) {
            return peer.serve(std::move(c));
        });
    }
    Diagnosis diagnosis;
    std::uint64_t most = 0;
    auto progress = [&](const FetchProgress& p) { most = std::max(most, p.verified_bytes); };
    auto path = co_await nodes[0]->share.load(uri_of(honest[0].file()), progress, diagnosis);
    REQUIRE(path);
    CHECK(content(*path) == bytes);
    CHECK(honest[0].given_chunks() >= 4);
    CHECK(honest[1].given_chunks() >= 4);
    CHECK(most == bytes.size());
}

Task<> far_provider(FakeNetwork& network) {
    // 1 - 2 - 3 in a row: 1 hears of 3 through 2, and connects to it.
    network.meet_in_topics = false;
    auto nodes = co_await members(network, 3);
    network.connect(nodes[0]->id, nodes[1]->id);
    network.connect(nodes[1]->id, nodes[2]->id);
    const ByteVector bytes = noise(2 * mib);
    auto stored = nodes[2]->store.put_bytes(bytes);
    REQUIRE(stored);
    Diagnosis diagnosis;
    std::vector<NodeId> found;
    auto count = co_await nodes[0]->share.find(
        uri_of(*stored), [&](const FoundProvider& p) { found.push_back(p.node); }, diagnosis);
    REQUIRE(count);
    CHECK(found == std::vector<NodeId>{nodes[2]->id});
    auto path = co_await nodes[0]->share.load(uri_of(*stored), ProgressSink(), diagnosis);
    REQUIRE(path);
    CHECK(content(*path) == bytes);
}

Task<> many_small(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    TempDir source(TempDir::Medium::memory);
    for (int i = 0; i < 500; ++i) {
        const auto folder = source.path() / "tree" / std::to_string(i % 7);
        std::filesystem::create_directories(folder);
        std::ofstream(folder / ("file " + std::to_string(i))) << "content " << i;
    }
    auto uri = nodes[0]->store.put(source.path() / "tree", {});
    REQUIRE(uri);
    Diagnosis diagnosis;
    auto listed = co_await nodes[1]->share.list(*uri, diagnosis);
    REQUIRE(listed);
    CHECK(listed->size() == 7);
    const auto began = network.clock.now();
    FetchProgress last;
    std::size_t events = 0;
    ProgressSink progress = [&](const FetchProgress& at) {
        last = at;
        ++events;
    };
    auto files = co_await nodes[1]->share.load_directory(*uri, progress, diagnosis);
    CAPTURE(diagnosis.text());
    REQUIRE(files);
    CHECK(*files == 500);
    const std::chrono::duration<double> took = network.clock.now() - began;
    CHECK(last.verified_bytes == last.size_bytes);
    CHECK(events <= 2 + static_cast<std::size_t>(took.count() * 10));
    MESSAGE("500 files: " << took.count() << " s");
    for (int i = 0; i < 500; i += 71) {
        auto one = *uri;
        one.path = std::to_string(i % 7) + "/file " + std::to_string(i);
        auto path = co_await nodes[1]->share.load(one, ProgressSink(), diagnosis);
        REQUIRE(path);
        CHECK(as_text(content(*path)) == "content " + std::to_string(i));
    }
    auto one = *uri;
    one.path = "3/file 10";
    auto single = co_await nodes[1]->share.load(one, ProgressSink(), diagnosis);
    CHECK(single);
}

// One that has just joined is known to nobody before the topic is looked up the next time.
Task<> newcomer(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    network.meet_in_topics = false;
    FakeNode& late = network.add();
    late.share.join(lab(), lab_key());
    auto stored = late.store.put_bytes(noise(mib + 3));
    REQUIRE(stored);
    FakeNode& node = *nodes[0];
    const auto began = network.clock.now();
    node.peers.look_up = [&] {
        const bool done = network.clock.now() - began >= std::chrono::seconds(1);
        if (done) network.connect(late.id, node.id);
        return done;
    };
    Diagnosis diagnosis;
    auto path = co_await node.share.load(uri_of(*stored), ProgressSink(), diagnosis);
    CAPTURE(diagnosis.text());
    CHECK(path);
}

Task<> joined_loads(FakeNetwork& network) {
    const ChannelKey& key = lab_key();
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(13 * mib);
    LiarPeer peer(key, numbered(2), bytes, LiarLie::none, 0);
    network.add_stranger(proto::channel_topic(key), [&peer](std::shared_ptr<Connection> c) {
        return peer.serve(std::move(c));
    });
    Outcome first, second, third;
    auto body = [&](Tasks& all) -> Task<> {
        // The first is cancelled midway: the others go on with what it has.
        auto some = [&](Tasks& cancelled) -> Task<> {
            cancelled.spawn(load(*nodes[0], peer.file(), first));
            all.spawn(load(*nodes[0], peer.file(), second));
            all.spawn(load(*nodes[0], peer.file(), third));
            while (peer.given_chunks() < 8) {
                auto slept = co_await network.clock.sleep_for(1ms);
                if (!slept) co_return;
            }
            cancelled.cancel();
        };
        auto ended = co_await with_tasks(some);
        (void)ended;
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CHECK(!first.path);
    REQUIRE(second.path);
    REQUIRE(third.path);
    CHECK(content(*second.path) == bytes);
    CHECK(peer.given_chunks() == 13);  // what was kept was not fetched again
}

Task<> cat_ranges(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const ByteVector bytes = noise(2 * mib + 10);
    auto stored = nodes[0]->store.put_bytes(bytes);
    REQUIRE(stored);
    struct Row {
        std::uint64_t start;
        std::optional<std::uint64_t> end;
    };
    const Row rows[] = {
        {0, {}},       {5, 6},       {mib - 1, mib + 1}, {3, 2 * mib + 5}, {2 * mib + 10, {}},
        {9 * mib, {}}, {0, 99 * mib}};
    for (const Row& row : rows) {
        CAPTURE(row.start);
        ByteVector got;
        ByteSink sink = [&](ByteView part) -> Task<Result<void>> {
            got.insert(got.end(), part.begin(), part.end());
            co_return ok;
        };
        Diagnosis diagnosis;
        std::vector<ByteRange> ranges(1);
        ranges[0].start = row.start;
        ranges[0].end = row.end;
        auto done = co_await nodes[1]->share.cat(uri_of(*stored), ranges, sink, diagnosis);
        CHECK(done);
        const std::uint64_t size = bytes.size(), start = std::min(row.start, size);
        const std::uint64_t end = std::min(row.end.value_or(size), size);
        CHECK(std::ranges::equal(got, ByteView(bytes).subspan(start, end - start)));
    }
}

Task<> leaves(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    auto stored = nodes[0]->store.put_bytes(noise(mib));
    REQUIRE(stored);
    CHECK(nodes[0]->share.leave(lab()));
    CHECK(nodes[0]->share.leave(lab()).error() == Errc::usage);
    Diagnosis diagnosis;
    auto gone = co_await nodes[1]->share.load(uri_of(*stored), ProgressSink(), diagnosis);
    CHECK(gone.error() == Errc::not_found);
    // And again: on the connection that is there, if it still is.
    nodes[0]->share.join(lab(), lab_key());
    auto back = co_await nodes[1]->share.load(uri_of(*stored), ProgressSink(), diagnosis);
    CHECK(back);
}

}  // namespace

TEST_CASE("files of all sizes come from one node to another") { test::in_network(one_file); }
TEST_CASE("who gave a file is asked for the next one at once, on a guess that spares a search") {
    test::in_network(one_after_another);
}
TEST_CASE("a liar alone is named and nothing is stored; beside an honest node the file is right") {
    test::in_network(liars);
}
TEST_CASE("what an attack on SHA-1 has made is not loaded, and said to be that") {
    test::in_network(attacks);
}
TEST_CASE("who is in no common channel learns and gets nothing") { test::in_network(strangers); }
TEST_CASE("a transfer channel is not answered before a channel is proven") {
    test::in_network(unproven_transfer);
}
TEST_CASE("two providers share the work") { test::in_network(two_providers); }
TEST_CASE("a provider two hops away is found and connected to") { test::in_network(far_provider); }
TEST_CASE("a directory of many small files is quick") { test::in_network(many_small); }
TEST_CASE("before nobody is said to have it, the channel is looked up once more") {
    test::in_network(newcomer);
}
TEST_CASE("loads of one file share the download and outlive who began it") {
    test::in_network(joined_loads);
}
TEST_CASE("cat gives the bytes of a range") { test::in_network(cat_ranges); }
TEST_CASE("who leaves a channel gives nothing any more, until it joins again") {
    test::in_network(leaves);
}
