#include "node/swarm/failures.hpp"

#include <doctest/doctest.h>

#include "test/node/swarm/numbered.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

using Code = Finding::Code;

const Failures::Time start{};

Failures::Why of_code(Code code) { return {Finding{.code = code}}; }

}  // namespace

TEST_CASE("why a node was not reached is told for a while, those that run first") {
    Failures failures;
    failures.note(start, numbered(1), of_code(Code::relays_silent));
    failures.note(start, numbered(2), {});
    failures.note(start + 1s, numbered(3), of_code(Code::path_silent));
    failures.note(start + 2s, numbered(4), of_code(Code::tcp_silent));
    failures.note(start + 3s, numbered(5), of_code(Code::no_hole));
    std::vector<NodeId> nodes;
    for (const auto& [node, why] : failures.all(start + 4s)) nodes.push_back(node);
    CHECK(nodes == std::vector{numbered(3), numbered(5), numbered(1), numbered(4)});
    CHECK(failures.of(start + 4s, numbered(3)) == of_code(Code::path_silent));
    failures.forget(numbered(5));
    CHECK(failures.of(start + 4s, numbered(5)).empty());

    const auto later = start + Failures::memory;
    CHECK(failures.of(later, numbered(1)).empty());
    CHECK(failures.of(later, numbered(3)) == of_code(Code::path_silent));
    CHECK(failures.all(later).size() == 2);
    failures.note(later, numbered(1), of_code(Code::relays_silent));  // dialed again
    CHECK(failures.all(later).size() == 3);
    CHECK(failures.all(later + Failures::memory).empty());
}

TEST_CASE("of too many failures the oldest goes") {
    Failures failures;
    for (std::size_t i = 0; i <= Failures::max_nodes; ++i)
        failures.note(start + i * 1s, numbered(300 - i), of_code(Code::no_hole));
    const auto end = start + Failures::max_nodes * 1s;
    CHECK(failures.all(end).size() == Failures::max_nodes);
    CHECK(failures.of(end, numbered(300)).empty());
    CHECK(!failures.of(end, numbered(299)).empty());
}
