#include "proto/file/sha1.hpp"

#include <doctest/doctest.h>
#include <openssl/evp.h>

#include <algorithm>

#include "proto/file/links.hpp"
#include "proto/outcome.hpp"
#include "test/proto/file/random_bytes.hpp"
#include "test/proto/file/sha1_collisions.hpp"

using namespace kp2p;
using namespace kp2p::proto;
using test::random_bytes;

namespace {

Sha1 openssl_sha1(ByteView bytes) {
    Sha1 sha1;
    REQUIRE(EVP_Digest(bytes.data(), bytes.size(), sha1.data(), nullptr, EVP_sha1(), nullptr) == 1);
    return sha1;
}

ByteVector joined(ByteView a, ByteView b) {
    ByteVector all(a.begin(), a.end());
    all.insert(all.end(), b.begin(), b.end());
    return all;
}

}  // namespace

TEST_CASE("SHA-1 is OpenSSL's, at all lengths and however it comes") {
    const ByteVector bytes = random_bytes(20'000);
    for (std::size_t size = 0; size < 400; ++size) {
        CAPTURE(size);
        const ByteView all = ByteView(bytes).subspan(size, size);
        const Sha1 expected = openssl_sha1(all);
        CHECK(sha1_of(all) == expected);
        for (std::size_t first = 0; first <= size; first += 13) {
            Sha1Hasher hasher;
            hasher.update(all.first(first));
            hasher.update(all.subspan(first));
            CHECK(hasher.finish() == expected);
        }
    }
    for (std::size_t size = 8000; size < bytes.size(); size += 997)
        CHECK(sha1_of(ByteView(bytes).first(size)) == openssl_sha1(ByteView(bytes).first(size)));
}

TEST_CASE("SHA-1 goes on from any link") {
    const ByteVector bytes = random_bytes(30'000);
    for (std::size_t first = 0; first < bytes.size(); first += 64 * 31) {
        CAPTURE(first);
        Sha1Hasher before;
        before.update(ByteView(bytes).first(first));
        Sha1Hasher after(before.link(), first);
        after.update(ByteView(bytes).subspan(first));
        CHECK(after.finish() == openssl_sha1(bytes));
    }
}

TEST_CASE("two lanes are what each is alone") {
    const ByteVector bytes = random_bytes(110'000);
    const std::size_t sizes[] = {0, 1, 63, 64, 65, 8192, 32'767, 32'768, 32'769, 50'000};
    for (const std::size_t size_a : sizes)
        for (const std::size_t size_b : sizes)
            for (const std::size_t head : {0u, 64u, 3u}) {
                CAPTURE(size_a);
                CAPTURE(size_b);
                CAPTURE(head);
                const ByteView a = ByteView(bytes).first(size_a),
                               b = ByteView(bytes).subspan(60'000, size_b);
                const ByteView head_a = a.first(std::min(head, a.size()));
                Sha1Hasher one, other;
                one.update(head_a);
                Sha1Hasher::update_two(one, a.subspan(head_a.size()), other, b);
                CHECK(one.finish() == openssl_sha1(a));
                CHECK(other.finish() == openssl_sha1(b));
            }
}

TEST_CASE("three lanes over the same bytes are what each is alone") {
    const ByteVector bytes = random_bytes(100'000);
    for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 32'767u, 32'768u, 32'769u, 80'000u})
        for (const std::size_t head : {0u, 64u, 3u}) {
            CAPTURE(size);
            CAPTURE(head);
            const ByteView same = ByteView(bytes).subspan(20'000, size);
            const ByteView heads[] = {{}, ByteView(bytes).first(head), ByteView(bytes).first(640)};
            Sha1Hasher hashers[3];
            for (std::size_t i = 0; i < 3; ++i) hashers[i].update(heads[i]);
            Sha1Hasher::update_three(hashers[0], hashers[1], hashers[2], same);
            for (std::size_t i = 0; i < 3; ++i)
                CHECK(hashers[i].finish() == openssl_sha1(joined(heads[i], same)));
        }
}

TEST_CASE("contents that attacks on SHA-1 have made are found, and lose their SHA-1") {
    const ByteVector after = random_bytes(9000);
    REQUIRE(test::sha1_collisions().size() == 4);
    for (const test::Sha1Collision& collision : test::sha1_collisions()) {
        CAPTURE(collision.name);
        const ByteView bytes = collision.bytes;
        REQUIRE(openssl_sha1(bytes) == collision.sha1);
        CHECK(sha1_of(bytes) == collision.safe_sha1);
        CHECK(sha1_to_name(bytes) == std::nullopt);
        for (std::size_t first = 0; first <= bytes.size(); ++first) {
            Sha1Hasher hasher;
            hasher.update(bytes.first(first));
            hasher.update(bytes.subspan(first));
            CHECK(hasher.collided());
            CHECK(hasher.finish() == collision.safe_sha1);
        }
        const ByteVector longer = joined(bytes, after);
        Sha1Hasher hasher;
        hasher.update(longer);
        CHECK(hasher.collided());
        CHECK(hasher.finish() != openssl_sha1(longer));
    }
    CHECK(sha1_to_name(after) == openssl_sha1(after));
}

TEST_CASE("masks that were found before are those that are found in passing") {
    const ByteVector clean = random_bytes(70'000);
    for (const test::Sha1Collision& collision : test::sha1_collisions())
        for (const std::size_t head : {0u, 3u, 64u}) {
            CAPTURE(collision.name);
            CAPTURE(head);
            const ByteVector bytes = joined(collision.bytes, clean);
            std::vector<std::uint32_t> masks, later;
            find_sha1_masks(bytes, masks);
            find_sha1_masks(ByteView(bytes).subspan(head), later);
            Sha1Hasher whole, parts, three[3];
            whole.update(bytes, masks);
            CHECK(whole.collided());
            CHECK(whole.finish() == sha1_of(bytes));
            parts.update(ByteView(bytes).first(head), masks);
            parts.update(ByteView(bytes).subspan(head), later);
            CHECK(parts.collided());
            CHECK(parts.finish() == sha1_of(bytes));
            three[1].update(random_bytes(head));
            Sha1Hasher::update_three(three[0], three[1], three[2], bytes, masks);
            CHECK(three[0].finish() == sha1_of(bytes));
            CHECK(three[1].finish() == sha1_of(joined(random_bytes(head), bytes)));
            CHECK(three[2].collided());
        }
    // They are what is looked at.
    const test::Sha1Collision collision = test::sha1_collisions().front();
    const std::vector<std::uint32_t> none(collision.bytes.size() / 64);
    Sha1Hasher hasher;
    hasher.update(collision.bytes, none);
    CHECK_FALSE(hasher.collided());
}

TEST_CASE("an attack on one of three lanes leaves the others alone") {
    for (const test::Sha1Collision& collision : test::sha1_collisions()) {
        CAPTURE(collision.name);
        // It begins at SHA-1's own initial state.
        Sha1Hasher attacked, other, third;
        other.update(random_bytes(64));
        third.update(random_bytes(128));
        Sha1Hasher::update_three(other, attacked, third, collision.bytes);
        CHECK(attacked.collided());
        CHECK_FALSE(other.collided());
        CHECK_FALSE(third.collided());
        CHECK(attacked.finish() == collision.safe_sha1);
        CHECK(other.finish() == openssl_sha1(joined(random_bytes(64), collision.bytes)));
        CHECK(third.finish() == openssl_sha1(joined(random_bytes(128), collision.bytes)));
    }
}

TEST_CASE("an attack in one lane leaves the other alone") {
    const auto collisions = test::sha1_collisions();
    const ByteVector clean = random_bytes(10'000);
    for (const test::Sha1Collision& collision : collisions)
        for (const std::size_t blocks : {0u, 1u, 509u, 510u, 511u, 512u}) {
            CAPTURE(collision.name);
            CAPTURE(blocks);
            const ByteVector tail = random_bytes(blocks * 64);
            Sha1Hasher attacked, other;
            Sha1Hasher::update_two(attacked, collision.bytes, other, clean);
            CHECK(attacked.collided());
            CHECK_FALSE(other.collided());
            CHECK(attacked.finish() == collision.safe_sha1);
            CHECK(other.finish() == openssl_sha1(clean));
            Sha1Hasher second_attacked, first_clean;
            Sha1Hasher::update_two(first_clean, clean, second_attacked, collision.bytes);
            CHECK_FALSE(first_clean.collided());
            CHECK(second_attacked.collided());
            CHECK(first_clean.finish() == openssl_sha1(clean));
            CHECK(second_attacked.finish() == collision.safe_sha1);
            Sha1Hasher first, second;
            Sha1Hasher::update_two(first, joined(collision.bytes, tail), second,
                                   joined(collisions[0].bytes, tail));
            CHECK(first.collided());
            CHECK(second.collided());
            CHECK(first.finish() == sha1_of(joined(collision.bytes, tail)));
            CHECK(second.finish() == sha1_of(joined(collisions[0].bytes, tail)));
        }
}

TEST_CASE("an attack is found among any number of suspects") {
    for (const test::Sha1Collision& collision : test::sha1_collisions()) {
        CAPTURE(collision.name);
        ByteVector bytes = collision.bytes;
        const ByteVector last(bytes.end() - 64, bytes.end());
        for (int i = 0; i < 300; ++i) {
            bytes = joined(bytes, last);
            Sha1Hasher hasher;
            hasher.update(bytes);
            REQUIRE(hasher.collided());
            REQUIRE(hasher.finish() != openssl_sha1(bytes));
        }
    }
}

TEST_CASE("half of an attack, and one after other bytes, is no collision") {
    for (const test::Sha1Collision& collision : test::sha1_collisions()) {
        CAPTURE(collision.name);
        const ByteView all = collision.bytes;
        CHECK(sha1_of(all.first(all.size() - 64)) == openssl_sha1(all.first(all.size() - 64)));
        const ByteVector later = joined(random_bytes(64), all);
        CHECK(sha1_of(later) == openssl_sha1(later));
    }
}

TEST_CASE("a link that an attack would have is given for no chunk") {
    const test::Sha1Collision collision = test::sha1_collisions().front();
    ByteVector chunk = joined(collision.bytes, random_bytes(chunk_bytes));
    chunk.resize(chunk_bytes);
    ByteVector changed = chunk;
    std::ranges::copy(test::sha1_collisions()[1].bytes, changed.begin());
    REQUIRE(openssl_sha1(chunk) == openssl_sha1(changed));
    CHECK(next_link(first_link(), chunk).error() == kp2p::Errc::sha1_collision);
    CHECK(finish_chunk(first_link(), collision.bytes, collision.bytes.size()).error() ==
          kp2p::Errc::sha1_collision);
    LinkHasher hasher;
    hasher.update(chunk);
    CHECK(hasher.collided());
    CHECK(hasher.finish() != openssl_sha1(chunk));
}

TEST_CASE("other content is never taken for an attack") {
    const ByteVector bytes = random_bytes(std::size_t{64} << 20);
    Sha1Hasher hasher, half, other_half;
    hasher.update(bytes);
    CHECK_FALSE(hasher.collided());
    CHECK(hasher.finish() == openssl_sha1(bytes));
    const ByteView all = bytes;
    Sha1Hasher::update_two(half, all.first(all.size() / 2), other_half,
                           all.subspan(all.size() / 2));
    CHECK(half.finish() == openssl_sha1(all.first(all.size() / 2)));
    CHECK(other_half.finish() == openssl_sha1(all.subspan(all.size() / 2)));
}
