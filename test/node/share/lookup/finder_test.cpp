// Searches over edges that do not answer.
#include "node/share/lookup/finder.hpp"

#include <doctest/doctest.h>

#include "proto/file/sha1.hpp"
#include "test/node/swarm/numbered.hpp"
#include "test/sim/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr proto::ChannelTag channel = 1;

Task<> until(Sim& sim, std::function<bool()> ready, Clock::Span limit) {
    const auto began = sim.clock().now();
    while (!ready() && sim.clock().now() - began < limit) {
        auto slept = co_await sim.clock().sleep_for(10ms);
        if (!slept) co_return;
    }
}

Task<> silent_link(Sim& sim) {
    Finder finder(sim.runtime(), numbered(1));
    const auto look = [](std::uint64_t, const Sha1&) {};
    std::vector<proto::LookupMessage> sent;
    const auto keep = [&](const proto::LookupMessage& message) { sent.push_back(message); };
    Finder::Edge edge(finder, {channel, numbered(2)}, keep, look);
    Finder::Search search(finder, proto::sha1_of(as_bytes("x")), [](const proto::Providing&) {});
    CHECK(sent.size() == 1);
    CHECK(!search.quiet());
    co_await until(
        sim, [&] { return search.quiet(); }, 60s);
    CHECK(search.quiet());
    CHECK(search.silent(channel) == 1);
}

// What a neighbour asks is answered in the end, although one that it is passed on to is silent.
Task<> passed_on(Sim& sim) {
    Finder finder(sim.runtime(), numbered(1));
    const auto look = [&](std::uint64_t ticket, const Sha1&) {
        finder.looked(ticket, std::nullopt);
    };
    std::vector<proto::LookupMessage> answers;
    const auto keep = [&](const proto::LookupMessage& message) { answers.push_back(message); };
    Finder::Edge asker(finder, {channel, numbered(2)}, keep, look);
    Finder::Edge mute(
        finder, {channel, numbered(3)}, [](const proto::LookupMessage&) {}, look);
    const proto::Seeking seeking{RequestId(), proto::sha1_of(as_bytes("x")), 1};
    asker.receive(seeking);
    CHECK(answers.empty());
    co_await until(
        sim, [&] { return !answers.empty(); }, 60s);
    REQUIRE(answers.size() == 1);
    CHECK(std::holds_alternative<proto::Lacking>(answers.front()));
}

// As while a connection gives way to a better one.
Task<> two_links_to_one(Sim& sim) {
    Finder finder(sim.runtime(), numbered(1));
    const auto look = [](std::uint64_t, const Sha1&) {};
    const auto ignore = [](const proto::LookupMessage&) {};
    Finder::Edge one(finder, {channel, numbered(2)}, ignore, look);
    Finder::Edge better(finder, {channel, numbered(2)}, ignore, look);
    Finder::Edge elsewhere(finder, {channel + 1, numbered(3)}, ignore, look);
    CHECK(finder.reached(channel) == 1);
    co_return;
}

void in_time(Task<> (*body)(Sim&)) {
    Sim sim(1);
    sim.run(body(sim));
}

}  // namespace

TEST_CASE("a search gives up by itself on those who do not answer") { in_time(silent_link); }
TEST_CASE("who asks is answered by itself, however silent others are") { in_time(passed_on); }
TEST_CASE("a node is reached once, over however many edges") { in_time(two_links_to_one); }
