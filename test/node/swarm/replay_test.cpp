// One seed, one run: whatever a node draws, waits for or keeps comes from the Runtime, and the
// order of nothing depends on where it lies in memory.
#include <doctest/doctest.h>

#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

using Sent = std::vector<Sim::Sent>;

// Three nodes in a topic, of which one dies and comes back; all that is sent meanwhile.
Sent life_and_death(std::uint64_t seed) {
    Sent sent;
    const auto test = [&](World& world, Tasks& all) -> Task<> {
        world.sim.record(sent);
        for (const Reach reach : {Reach::open, Reach::open, Reach::behind_nat})
            world.add(reach, echo).swarm.join(Topic());
        for (auto& member : world.members) co_await member->enter(all);
        Member& mortal = *world.members[1];
        const auto neighbours = [&](std::size_t count) {
            return
                [&world, count] { return world.members[0]->swarm.connections().size() == count; };
        };
        auto met = co_await soon(world, 90s, neighbours(2));
        CHECK(met);
        world.sim.kill(mortal.node.address);
        auto missed = co_await soon(world, 60s, neighbours(1));
        CHECK(missed);
        world.sim.revive(mortal.node.address);
        auto back = co_await soon(world, 180s, neighbours(2));
        CHECK(back);
    };
    in_world(seed, test, 0.02);
    return sent;
}

std::string text_of(const Sent& sent, std::size_t i) {
    if (i >= sent.size()) return "nothing";
    const Sim::Sent& one = sent[i];
    return std::to_string(one.at.count()) + " ns: " + one.from.text() + " to " + one.to.text() +
           ", " + std::to_string(one.bytes.size()) + " bytes";
}

}  // namespace

TEST_CASE("a seed replays to the same datagrams, and another seed to others") {
    const Sent first = life_and_death(1);
    // Other addresses for all that comes, as in another process.
    const std::vector<std::unique_ptr<char[]>> moved = [] {
        std::vector<std::unique_ptr<char[]>> blocks;
        for (std::size_t size = 16; size < 4096; size += 16)
            blocks.push_back(std::make_unique<char[]>(size));
        return blocks;
    }();
    const Sent again = life_and_death(1);
    CHECK(first.size() > 300);
    const auto differs = std::ranges::mismatch(first, again).in1;
    const auto at = static_cast<std::size_t>(differs - first.begin());
    INFO("datagram " << at << " was " << text_of(first, at) << ", then " << text_of(again, at));
    CHECK(first == again);
    CHECK(first != life_and_death(2));
}
