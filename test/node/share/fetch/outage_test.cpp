// Providers that fall silent, are gone, come back or do not, and what is said of it.
#include <deque>

#include "proto/file/manifest.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/provider.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t chunks = 13, stops_at = 2;  // the last ones are given first

Task<> until_stopped(FakeNetwork& network, const Provider& provider, std::uint64_t chunks) {
    while (provider.peer.given_chunks() < chunks) {
        auto slept = co_await network.clock.sleep_for(10ms);
        if (!slept) co_return;
    }
}

Task<> silent_for_a_while(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(chunks * mib);
    Provider provider(network, bytes, LiarLie::stall, stops_at);
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], provider.peer.file(), outcome));
        co_await until_stopped(network, provider, 10);
        auto slept = co_await network.clock.sleep_for(12s);
        if (!slept) co_return;
        provider.peer.be(LiarLie::none);  // what it was asked for in between is lost
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(outcome.diagnosis.text());
    REQUIRE(outcome.path);
    CHECK(content(*outcome.path) == bytes);
    CHECK(provider.peer.given_chunks() == chunks);
    CHECK(provider.peer.opens() == 2);
}

// Once it has given ten chunks; it comes back whole.
Task<> go_for(FakeNetwork& network, Provider& provider, Clock::Span span) {
    co_await until_stopped(network, provider, 10);
    provider.peer.be(LiarLie::none);
    network.away.insert(provider.id);
    network.disconnect(provider.id);
    auto slept = co_await network.clock.sleep_for(span);
    if (slept) network.away.clear();
}

Task<> gone_for_a_while(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(chunks * mib);
    Provider provider(network, bytes, LiarLie::stall, stops_at);
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], provider.peer.file(), outcome));
        co_await go_for(network, provider, 30s);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(outcome.diagnosis.text());
    REQUIRE(outcome.path);
    CHECK(content(*outcome.path) == bytes);
    CHECK(provider.peer.given_chunks() == chunks);
}

// Twice as long as is usual: waited for only where that is allowed.
Task<> gone_for_long(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    std::deque<Provider> providers;  // that were used before are asked again
    std::uint32_t seed = 60;
    for (const Clock::Span outage : {Clock::Span(2min), Clock::Span(usual_outage)}) {
        const ByteVector bytes = noise(chunks * mib, ++seed);
        Provider& provider = providers.emplace_back(network, bytes, LiarLie::stall, stops_at);
        Diagnosis diagnosis;
        Result<std::filesystem::path> loaded;
        auto ask = [&]() -> Task<> {
            ProgressSink nobody;
            loaded = co_await nodes[0]->share.load(uri_of(provider.peer.file()), nobody, diagnosis,
                                                   outage);
        };
        auto body = [&](Tasks& all) -> Task<> {
            all.spawn(ask());
            co_await go_for(network, provider, 90s);
        };
        auto ended = co_await with_tasks(body);
        CHECK(ended);
        CAPTURE(diagnosis.text());
        if (outage == usual_outage) {
            CHECK(loaded.error() == Errc::timed_out);
            continue;
        }
        REQUIRE(loaded);
        CHECK(content(*loaded) == bytes);
        CHECK(provider.peer.given_chunks() == chunks);
    }
}

// As long as whoever loads allows, and what it takes to notice.
Task<> gone_for_longer_than_is_waited(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    Provider provider(network, noise(chunks * mib), LiarLie::stall, stops_at);
    Diagnosis diagnosis;
    Result<std::filesystem::path> loaded;
    Clock::Time gone, ended_at;
    auto ask = [&]() -> Task<> {
        ProgressSink nobody;
        loaded = co_await nodes[0]->share.load(uri_of(provider.peer.file()), nobody, diagnosis, 5s);
        ended_at = network.clock.now();
    };
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(ask());
        co_await until_stopped(network, provider, 10);
        gone = network.clock.now();
        network.away.insert(provider.id);
        network.disconnect(provider.id);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(diagnosis.text());
    CHECK(loaded.error() == Errc::timed_out);
    CHECK(ended_at - gone > 5s);
    CHECK(ended_at - gone < 8s);
}

struct EndRow {
    const char* name;
    bool leaves;
    std::string words;
};

Task<> for_good(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    std::deque<Provider> providers;  // that were used before are asked again
    std::uint32_t seed = 40;
    for (const EndRow& row : {EndRow{"silent", false, " stopped sending; nothing came for "},
                              EndRow{"gone", true, " cannot be connected to; nothing came for "}}) {
        CAPTURE(std::string(row.name));
        const ByteVector bytes = noise(chunks * mib, ++seed);
        Provider& provider = providers.emplace_back(network, bytes, LiarLie::stall, stops_at);
        Outcome outcome;
        const auto began = network.clock.now();
        auto body = [&](Tasks& all) -> Task<> {
            all.spawn(load(*nodes[0], provider.peer.file(), outcome));
            co_await until_stopped(network, provider, 10);
            if (!row.leaves) co_return;
            network.away.insert(provider.id);
            network.disconnect(provider.id);
        };
        auto ended = co_await with_tasks(body);
        CHECK(ended);
        CAPTURE(outcome.diagnosis.text());
        CHECK(outcome.path.error() == Errc::timed_out);
        CHECK(network.clock.now() - began > 30s);
        CHECK(
            outcome.diagnosis.text().starts_with("stalled: node " + provider.id.hex() + row.words));
        const Finding& nearest = outcome.diagnosis.all().front();
        CHECK(nearest.node == provider.id);
        CHECK(nearest.after > 29s);
        CHECK(nearest.path.has_value() == !row.leaves);
        CHECK(outcome.says(std::to_string(10 * mib) + " of " + std::to_string(chunks * mib) +
                           " bytes are kept, and the same command goes on from there"));
        // It goes on indeed.
        provider.peer.be(LiarLie::none);
        network.away.clear();
        network.connect(nodes[0]->id, provider.id);
        Outcome again;
        co_await load(*nodes[0], provider.peer.file(), again);
        REQUIRE(again.path);
        CHECK(content(*again.path) == bytes);
        CHECK(provider.peer.given_chunks() == chunks);
    }
}

Task<> leaves_in_the_midst(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    Provider provider(network, noise(chunks * mib), LiarLie::stall, stops_at);
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], provider.peer.file(), outcome));
        co_await until_stopped(network, provider, 10);
        CHECK(nodes[0]->share.leave(lab()));
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(outcome.diagnosis.text());
    CHECK(outcome.path.error() == Errc::timed_out);
    CHECK(outcome.diagnosis.text().starts_with(
        "stalled: this node is in no channel; nothing came for "));
}

Task<> cat_stalls(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(chunks * mib);
    Provider provider(network, bytes, LiarLie::stall, stops_at);
    proto::Manifest manifest;
    manifest.size_bytes = bytes.size();
    manifest.sha1 = provider.peer.file();
    // The chunks that it gives lie behind those that it does not.
    for (std::uint64_t at = 3 * mib; at < bytes.size(); at += 5 * mib)
        manifest.chunks.push_back(
            {at, at + 5 * mib, proto::sha1_of(ByteView(bytes).subspan(at, 5 * mib))});
    manifest.chunks.insert(manifest.chunks.begin(),
                           {0, 3 * mib, proto::sha1_of(ByteView(bytes).first(3 * mib))});
    auto stored = nodes[0]->store.put_bytes(as_bytes(manifest.text()));
    REQUIRE(stored);
    proto::Uri uri = uri_of(provider.peer.file());
    uri.manifest = *stored;
    ByteSink sink = [](ByteView) -> Task<Result<void>> { co_return ok; };
    Diagnosis diagnosis;
    std::vector<ByteRange> whole(1);
    auto done = co_await nodes[0]->share.cat(uri, whole, sink, diagnosis);
    CAPTURE(diagnosis.text());
    CHECK(done.error() == Errc::timed_out);
    CHECK(diagnosis.text().starts_with("stalled: node " + provider.id.hex() + " stopped sending"));
    CHECK(diagnosis.text().find("all before byte 0 was given") != std::string::npos);
}

Task<> leaving_liar(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    Provider provider(network, noise(5 * mib), LiarLie::leave, stops_at);
    Outcome outcome;
    co_await load(*nodes[0], provider.peer.file(), outcome);
    CAPTURE(outcome.diagnosis.text());
    CHECK(outcome.path.error() == Errc::verification_failed);
    CHECK(outcome.says(provider.id.hex() + " sent a wrong chunk 2"));
    CHECK(logged(*nodes[0], provider.id));
}

Task<> caught_liar(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    Provider provider(network, noise(1), LiarLie::leave, 0);  // caught at once
    Outcome outcome;
    co_await load(*nodes[0], provider.peer.file(), outcome);
    CHECK(outcome.says(provider.id.hex() + " sent a wrong chunk 0"));
    CHECK(provider.peer.opens() == 1);
}

// Somebody who was asked before he had it.
Task<> later(FakeNetwork& network) {
    const ByteVector bytes = noise(chunks * mib);
    Provider provider(network, bytes, LiarLie::stall, stops_at);
    auto nodes = co_await members(network, 2);
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load(*nodes[0], provider.peer.file(), outcome));
        co_await until_stopped(network, provider, 10);
        auto stored = nodes[1]->store.put_bytes(bytes);
        CHECK(stored);
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    CAPTURE(outcome.diagnosis.text());
    REQUIRE(outcome.path);
    CHECK(content(*outcome.path) == bytes);
}

Task<> no_answer(FakeNetwork& network) {
    auto nodes = co_await members(network, 2);
    const Sha1 nowhere = proto::sha1_of(as_bytes("x"));
    nodes[1]->peers.trouble = Finding{.code = Finding::Code::dht_silent};
    Outcome with_one;
    co_await load(*nodes[1], nowhere, with_one);
    CHECK(with_one.diagnosis.text().starts_with(
        "the one node reached in channel our-lab knows nobody who has it (after "));
    RawPeer mute(network);
    ChannelEnd lookup = co_await mute.open_lookup(nodes[1]->id);
    Outcome with_two;
    co_await load(*nodes[1], nowhere, with_two);
    CHECK(with_two.path.error() == Errc::not_found);
    CHECK(with_two.diagnosis.text().starts_with(
        "of the 2 nodes reached in channel our-lab, 1 did not answer, and 1 know nobody who has "
        "it (after "));
}

Task<> no_network(FakeNetwork& network) {
    FakeNode& node = network.add();
    node.peers.trouble = Finding{.code = Finding::Code::dht_silent};
    node.share.join(lab(), lab_key());
    Outcome outcome;
    co_await load(node, proto::sha1_of(as_bytes("x")), outcome);
    CHECK(outcome.path.error() == Errc::not_found);
    REQUIRE(outcome.diagnosis.all().size() == 2);
    CHECK(outcome.diagnosis.all()[0] == Finding{.code = Finding::Code::dht_silent});
    const Finding& nobody = outcome.diagnosis.all()[1];
    CHECK(nobody.code == Finding::Code::nobody_there);
    CHECK(nobody.what == "our-lab");
    CHECK(nobody.after >= 5s);
}

Task<> altered_on_the_way(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    const ByteVector bytes = noise(chunks * mib);
    network.alters_after = 5 * mib;
    Provider provider(network, bytes);
    Outcome now_and_then;
    co_await load(*nodes[0], provider.peer.file(), now_and_then);
    CAPTURE(now_and_then.diagnosis.text());
    REQUIRE(now_and_then.path);
    CHECK(content(*now_and_then.path) == bytes);

    const ByteVector others = noise(chunks * mib, 2);
    network.alters_after = mib / 2;
    Provider other(network, others);
    const auto began = network.clock.now();
    Outcome all_the_time;
    co_await load(*nodes[0], other.peer.file(), all_the_time);
    CHECK(network.clock.now() - began < 30s);
    CHECK(all_the_time.path.error() == Errc::timed_out);
    CAPTURE(all_the_time.diagnosis.text());
    REQUIRE(!all_the_time.diagnosis.empty());
    CHECK(all_the_time.diagnosis.all()[0].code == Finding::Code::altered);
    CHECK(all_the_time.diagnosis.all()[0].node == other.id);
    CHECK(all_the_time.says("nothing is kept yet"));
}

Task<> same_key(FakeNetwork& network) {
    const Finding twin{.code = Finding::Code::same_key, .what = "192.0.2.7:1"};
    FakeNode& node = network.add();
    node.peers.same_key = twin;
    node.share.join(lab(), lab_key());
    Outcome alone;
    co_await load(node, proto::sha1_of(as_bytes("x")), alone);
    REQUIRE(alone.diagnosis.all().size() == 2);
    CHECK(alone.diagnosis.all()[0] == twin);
    CHECK(alone.diagnosis.all()[1].code == Finding::Code::nobody_there);

    FakeNode& other = network.add();
    other.share.join(lab(), lab_key());
    Outcome lacking;
    co_await load(node, proto::sha1_of(as_bytes("x")), lacking);
    REQUIRE(lacking.diagnosis.all().size() == 2);
    CHECK(lacking.diagnosis.all()[0].code == Finding::Code::only_one_lacks);
    CHECK(lacking.diagnosis.all()[1] == twin);
}

}  // namespace

TEST_CASE("a load outlives a silence of its only provider") {
    test::in_network(silent_for_a_while);
}
TEST_CASE("a load outlives 30 s without its only provider") { test::in_network(gone_for_a_while); }
TEST_CASE("a longer outage is waited for where that is allowed") {
    test::in_network(gone_for_long);
}
TEST_CASE("no outage is waited for longer than is allowed") {
    test::in_network(gone_for_longer_than_is_waited);
}
TEST_CASE("a load whose node has left its channel says so") {
    test::in_network(leaves_in_the_midst);
}
TEST_CASE("a load that gives up says what happened, what is kept, and goes on the next time") {
    test::in_network(for_good);
}
TEST_CASE("a stream whose provider falls silent says so") { test::in_network(cat_stalls); }
TEST_CASE("a liar that leaves right behind its lie is named") { test::in_network(leaving_liar); }
TEST_CASE("a liar that left is not tried again") { test::in_network(caught_liar); }
TEST_CASE("who gets the file while a load stands still is found") { test::in_network(later); }
TEST_CASE("who did not answer is not said to know nobody") { test::in_network(no_answer); }
TEST_CASE("that the network does not answer is said first") { test::in_network(no_network); }
TEST_CASE("what is altered on the way is asked for again, and said when that is no use") {
    test::in_network(altered_on_the_way);
}
TEST_CASE("that another node has the same key is said") { test::in_network(same_key); }
