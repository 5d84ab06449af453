// Members whose words come late, or not at all, as where much is lost on the way.
#include "node/async/tasks.hpp"
#include "test/node/share/loading.hpp"
#include "test/node/share/raw_peer.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t file_bytes = 1000;

Task<> load_and_end(FakeNode& node, Sha1 file, Outcome& outcome, Tasks& all) {
    co_await load(node, file, outcome);
    all.cancel();
}

Task<> tell_at(FakeNetwork& network, Clock::Span when, RawPeer& peer, NodeId to, NodeId giver) {
    auto slept = co_await network.clock.sleep_for(when);
    REQUIRE(slept);
    ChannelEnd lookup = co_await peer.open_lookup(to);
    auto seeking = co_await next<proto::Seeking>(lookup);
    const proto::Providing providing{seeking.request, seeking.file, file_bytes, giver, true};
    co_await send(lookup, encode(providing));
    const proto::Lacking lacking{seeking.request};
    co_await send(lookup, encode(lacking));
}

// One that has not said that it is in no channel of ours may be the only one that knows.
Task<> late_member(FakeNetwork& network) {
    auto nodes = co_await members(network, 1);
    RawPeer late(network, RawPeer::Answer::nothing);
    LiarPeer honest(lab_key(), numbered(9), noise(file_bytes), LiarLie::none, 0);
    network.meet_in_topics = false;
    const NodeId giver = network.add_stranger(
        proto::channel_topic(lab_key()),
        [&](std::shared_ptr<Connection> c) { return honest.serve(std::move(c)); });
    Outcome outcome;
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load_and_end(*nodes[0], honest.file(), outcome, all));
        co_await tell_at(network, 8s, late, nodes[0]->id, giver);
    };
    (void)co_await with_tasks(body);
    CAPTURE(outcome.diagnosis.text());
    CHECK(outcome.path);
}

// A provider that does not say whether it is in the channel, or says that it is not.
struct Unproven {
    RawPeer::Answer answer;
    std::optional<Clock::Span> proves_after;
    std::string why;  // empty: it is asked for the file
};

Task<> unproven_provider(FakeNetwork& network, const Unproven& row) {
    auto nodes = co_await members(network, 1);
    RawPeer knows(network), provider(network, row.answer);
    const auto began = network.clock.now();
    Outcome outcome;
    const Sha1 file = proto::sha1_of(as_bytes("x"));
    bool asked = false;
    auto prove = [&](Tasks& all) -> Task<> {
        if (!row.proves_after) co_return;
        auto slept = co_await network.clock.sleep_for(*row.proves_after);
        REQUIRE(slept);
        auto transfer = co_await provider.open_transfer(nodes[0]->id);
        auto open = co_await next<proto::Open>(transfer);
        asked = open.file == file;
        all.cancel();
    };
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(load_and_end(*nodes[0], file, outcome, all));
        all.spawn(prove(all));
        co_await tell_at(network, 0s, knows, nodes[0]->id, provider.id());
    };
    (void)co_await with_tasks(body);
    CAPTURE(outcome.diagnosis.text());
    CHECK(asked == row.why.empty());
    CHECK(outcome.says(row.why));
    CHECK(network.clock.now() - began < 60s);
}

}  // namespace

TEST_CASE("a member that says late that it is one is waited for") { test::in_network(late_member); }
TEST_CASE("who does not say whether it is in the channel is not said to be in none") {
    for (const Unproven& row : {
             Unproven{RawPeer::Answer::refused, std::nullopt, "is in no common channel"},
             Unproven{RawPeer::Answer::nothing, std::nullopt, "it runs, but nothing comes back"},
             Unproven{RawPeer::Answer::nothing, 15s, ""},
         }) {
        CAPTURE(row.why);
        test::in_network([&](FakeNetwork& network) { return unproven_provider(network, row); });
    }
}
