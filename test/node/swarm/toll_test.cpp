#include "node/swarm/toll.hpp"

#include <doctest/doctest.h>

#include "node/swarm/better_pasts.hpp"

using namespace kp2p;
using namespace std::chrono_literals;

namespace {

struct Row {
    const char* name;
    std::uint64_t arrived_a_second, resent_a_second;
    bool pauses;
    bool too_much;
};

constexpr Row rows[] = {
    {"little comes through, and much is lost", 120'000, 15'000, false, true},
    {"nothing comes through", 0, 2'000, false, true},
    {"a slow link that loses nothing", 120'000, 0, false, false},
    {"a slow link that loses now and then", 120'000, 5'000, false, false},
    {"much is lost, and much arrives", 10'000'000, 2'000'000, false, false},
    {"little is sent", 120'000, 15'000, true, false},
};

}  // namespace

TEST_CASE("a TCP connection pays too much where little arrives and much is sent again") {
    for (const Row& row : rows) {
        CAPTURE(std::string(row.name));
        Toll toll;
        bool too_much = false;
        for (unsigned step = 0; step <= 40; ++step) {
            const Toll::Sight sight{row.arrived_a_second * step / 5, row.resent_a_second * step / 5,
                                    !row.pauses || step % 5 != 0};
            too_much = toll.look(Toll::Time{} + step * 200ms, sight) || too_much;
        }
        CHECK(too_much == row.too_much);
    }
}

TEST_CASE("what is shunned is not dialed for a while, whatever ended before or after") {
    BetterPasts pasts;
    const NodeId node;
    const auto now = BetterPasts::Time{} + 100s;
    pasts.ended(node, now, 1s);
    CHECK(!pasts.shunned(node, now));
    pasts.shun(node, now);
    pasts.ended(node, now, 1s);
    CHECK(pasts.due(node) >= now + BetterPasts::longest_pause);
    CHECK(pasts.shunned(node, now + BetterPasts::longest_pause - 1s));
    CHECK(!pasts.shunned(node, now + BetterPasts::longest_pause));
    pasts.forget(node);  // one of the two is elsewhere
    CHECK(!pasts.shunned(node, now));
}
