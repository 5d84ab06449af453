#include "proto/relay/half_pairs.hpp"

#include <doctest/doctest.h>

using namespace kp2p;
using namespace kp2p::proto;

namespace {

using Standing = HalfPairs::Standing;
using Refused = HalfPairs::Refused;

template <class Id>
Id numbered(std::uint32_t number) {
    std::array<std::uint8_t, Id::size_bytes> bytes{};
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(number >> 8 * i);
    return Id(std::span<const std::uint8_t, Id::size_bytes>(bytes));
}

HalfPairs::Half half(std::uint32_t node, std::uint32_t token, PairSide side,
                     Standing standing = Standing::member) {
    return {numbered<NodeId>(node), node, standing, {side, numbered<RelayToken>(token), node}};
}

constexpr auto first = PairSide::initiator, second = PairSide::responder;
const HalfPairs::Time start{};

}  // namespace

TEST_CASE("two sides of one token are a pair, in either order") {
    for (const auto& [one, other] : {std::pair(first, second), std::pair(second, first)}) {
        HalfPairs halves;
        const auto waits = halves.add(start, half(1, 7, one));
        CHECK(!waits.other);
        CHECK(!waits.refused);
        CHECK(!halves.add(start, half(2, 8, other)).other);  // another token
        CHECK(halves.add(start, half(2, 7, one)).refused == Refused::twice);
        const auto paired = halves.add(start, half(2, 7, other));
        REQUIRE(paired.other);
        CHECK(paired.other->node == numbered<NodeId>(1));
        CHECK(halves.size() == 1);
    }
}

TEST_CASE("a half that is taken back or too old is none") {
    HalfPairs halves;
    (void)halves.add(start, half(1, 7, first));
    CHECK(!halves.remove(2, numbered<RelayToken>(7)));  // somebody else's
    CHECK(halves.remove(1, numbered<RelayToken>(7)));
    CHECK(!halves.add(start, half(2, 7, second)).other);
    halves.remove(2);
    CHECK(halves.size() == 0);
    (void)halves.add(start, half(1, 7, first));
    CHECK(!halves.add(start + HalfPairs::patience, half(2, 7, second)).other);
}

TEST_CASE("strangers are paired with members alone") {
    HalfPairs halves;
    (void)halves.add(start, half(1, 7, first, Standing::stranger));
    const auto refused = halves.add(start, half(2, 7, second, Standing::stranger));
    CHECK(!refused.other);
    CHECK(refused.refused == Refused::strangers);
    CHECK(halves.add(start, half(3, 7, second)).other);
}

TEST_CASE("a member waits so often, strangers displace each other, and nobody else is kept out") {
    HalfPairs halves;
    std::uint32_t token = 0;
    for (std::size_t i = 0; i < HalfPairs::max_of_member; ++i)
        CHECK(!halves.add(start, half(1, token++, first)).refused);
    CHECK(halves.add(start, half(1, token++, first)).refused == Refused::too_many);
    CHECK(!halves.add(start, half(2, token++, first)).refused);
    const std::uint32_t first_of_strangers = token;
    for (std::size_t i = 0; i <= HalfPairs::max_of_strangers; ++i) {
        const auto later = start + std::chrono::milliseconds(i);
        const auto node = static_cast<std::uint32_t>(100 + i);
        CHECK(!halves.add(later, half(node, token++, first, Standing::stranger)).refused);
    }
    CHECK(halves.size() == HalfPairs::max_of_member + 1 + HalfPairs::max_of_strangers);
    CHECK(!halves.add(start, half(3, first_of_strangers, second)).other);
    CHECK(halves.add(start, half(3, first_of_strangers + 1, second)).other);
    for (std::uint32_t node = 1000; halves.size() < HalfPairs::max_all; ++node)
        REQUIRE(!halves.add(start, half(node, token++, first)).refused);
    CHECK(halves.add(start, half(9999, token, first)).refused == Refused::too_many);
}
