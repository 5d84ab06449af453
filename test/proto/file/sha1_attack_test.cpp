#include "proto/file/sha1_attack.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstring>

#include "proto/file/sha1.hpp"
#include "proto/file/sha1_filter.hpp"
#include "test/proto/file/random_bytes.hpp"
#include "test/proto/file/sha1_collisions.hpp"

using namespace kp2p;
using namespace kp2p::proto;
using test::random_bytes;

namespace {

using Expanded = std::array<std::uint32_t, 80>;

Expanded expanded(const std::uint8_t* block) {
    Expanded w{};
    for (std::size_t i = 0; i < 64; ++i) w[i / 4] = w[i / 4] << 8 | block[i];
    for (std::size_t i = 16; i < 80; ++i)
        w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    return w;
}

// What the filters do, as it is written down.
std::uint32_t plain_mask(const std::uint8_t* block) {
    const Expanded w = expanded(block);
    std::uint32_t mask = 0xffffffff;
    for (const Sha1Condition& each : sha1_conditions()) {
        const auto bit = [&w](int word, int at) {
            return w[static_cast<std::size_t>(word)] >> at & 1;
        };
        const bool differ = bit(each.a, each.bit_a) != bit(each.b, each.bit_b);
        if (differ != (each.relation == Sha1Condition::differ)) mask &= ~each.vectors;
    }
    return mask;
}

// SHA-1's steps, as FIPS 180-4 has them: the state before step `until`.
Sha1State plain_steps(const Sha1State& before, const Expanded& w, std::size_t until) {
    auto [a, b, c, d, e] = before;
    for (std::size_t i = 0; i < until; ++i) {
        const std::uint32_t mixed = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                                    : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                                    : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                             : (b ^ c ^ d) + 0xca62c1d6;
        const std::uint32_t next = std::rotl(a, 5) + mixed + e + w[i];
        e = d;
        d = c;
        c = std::rotl(b, 30);
        b = a;
        a = next;
    }
    return {a, b, c, d, e};
}

Sha1State compressed(Sha1State state, const std::uint8_t* block) {
    const Sha1State after = plain_steps(state, expanded(block), 80);
    for (std::size_t i = 0; i < state.size(); ++i) state[i] += after[i];
    return state;
}

Sha1State some_state(const std::uint8_t* bytes) {
    Sha1State state;
    std::memcpy(state.data(), bytes, sizeof state);
    return state;
}

}  // namespace

TEST_CASE("every compression function is SHA-1's") {
    const ByteVector bytes = random_bytes(64 * 300);
    const std::uint8_t* a = bytes.data();
    const std::uint8_t* b = bytes.data() + 64 * 150 + 1;  // however it is aligned
    for (const Sha1Compressor& each : sha1_compressors()) {
        CAPTURE(each.name);
        Sha1State expected_a = some_state(a), expected_b = some_state(b);
        for (std::size_t count = 0; count < 20; ++count) {
            Sha1State state = some_state(a), lane_a = state, lane_b = some_state(b);
            each.one(state, a, count);
            CHECK(state == expected_a);
            each.two(lane_a, a, lane_b, b, count);
            CHECK(lane_a == expected_a);
            CHECK(lane_b == expected_b);
            expected_a = compressed(expected_a, a + 64 * count);
            expected_b = compressed(expected_b, b + 64 * count);
        }
    }
}

TEST_CASE("the filters let through what the published one does") {
    const auto expected = test::vectors("sha1")["masks"];
    const std::size_t count = expected["blocks"].get_uint64();
    const ByteVector blocks = random_bytes(64 * count);
    for (const Sha1Filter& each : sha1_filters()) {
        CAPTURE(each.name);
        std::vector<std::uint32_t> masks(count);
        each.masks(blocks.data(), count, masks.data());
        std::uint64_t suspects = 0;
        ByteVector bytes;
        for (const std::uint32_t mask : masks) {
            if (mask != 0) ++suspects;
            for (const int shift : {24, 16, 8, 0})
                bytes.push_back(static_cast<std::uint8_t>(mask >> shift));
        }
        CHECK(suspects == expected["suspects"].get_uint64());
        CHECK(sha1_of(bytes).hex() == test::text(expected["sha1"]));
    }
}

TEST_CASE("the filters evaluate all conditions, of any number of blocks") {
    ByteVector blocks = random_bytes(64 * 3000);
    for (const test::Sha1Collision& collision : test::sha1_collisions())
        blocks.insert(blocks.end(), collision.bytes.begin(), collision.bytes.end());
    const std::size_t all = blocks.size() / 64;
    std::vector<std::uint32_t> expected;
    for (std::size_t i = 0; i < all; ++i) expected.push_back(plain_mask(blocks.data() + 64 * i));
    for (const Sha1Filter& each : sha1_filters()) {
        CAPTURE(each.name);
        std::vector<std::uint32_t> masks(all);
        each.masks(blocks.data(), all, masks.data());
        CHECK(masks == expected);
        for (const std::size_t count : {0, 1, 2, 31, 32, 33, 127, 128, 129, 255, 256, 257, 513}) {
            CAPTURE(count);
            std::vector<std::uint32_t> some(count + 1, 0x1234);
            each.masks(blocks.data() + blocks.size() - 64 * count, count, some.data());
            CHECK(std::equal(some.begin(), some.end() - 1, expected.end() - std::ptrdiff_t(count)));
            CHECK(some.back() == 0x1234);  // what is not asked for is not written
        }
    }
}

TEST_CASE("the vectors and their differences are the published ones") {
    std::size_t number = 0;
    for (const auto row : test::vectors("sha1")["vectors"]) {
        CAPTURE(number);
        REQUIRE(number < sha1_vectors);
        const Sha1Disturbance& vector = sha1_disturbances()[number];
        CHECK(vector.kind == row["kind"].get_int64());
        CHECK(vector.k == row["k"].get_int64());
        CHECK(vector.b == row["b"].get_int64());
        CHECK(sha1_common_step(number) == row["common_step"].get_uint64());
        const ByteVector difference = test::bytes(row["difference"]);
        const Expanded words = expanded(difference.data());
        CHECK(std::ranges::equal(sha1_difference(number), std::span(words).first(16)));
        ++number;
    }
    CHECK(number == sha1_vectors);
}

TEST_CASE("a sibling has the other words, and the same state where the vector says") {
    const ByteVector bytes = random_bytes(64 * 2 * sha1_vectors + 64);
    std::vector<Sha1Suspect> suspects;
    for (std::size_t vector = 0; vector < sha1_vectors; ++vector) {
        const std::uint8_t* block = bytes.data() + 128 * vector;
        const Sha1State before = some_state(block + 64);
        suspects.push_back({{before, compressed(before, block)}, block, vector});
    }
    for (const Sha1Prover& each : sha1_provers())
        for (std::size_t count = 1; count <= suspects.size(); ++count) {
            CAPTURE(each.name);
            const auto some = std::span(suspects).last(count);
            std::vector<Sha1Ends> siblings(count);
            each.siblings(some, siblings.data());
            for (std::size_t i = 0; i < count; ++i) {
                const Sha1Suspect& own = some[i];
                CAPTURE(own.vector);
                std::uint8_t other[64];
                for (std::size_t at = 0; at < 64; ++at)
                    other[at] = static_cast<std::uint8_t>(
                        own.block[at] ^ sha1_difference(own.vector)[at / 4] >> (24 - 8 * (at % 4)));
                CHECK(compressed(siblings[i].before, other) == siblings[i].after);
                const std::size_t step = sha1_common_step(own.vector);
                CHECK(plain_steps(own.ends.before, expanded(own.block), step) ==
                      plain_steps(siblings[i].before, expanded(other), step));
            }
        }
}
