#include "proto/crypto/key_pair.hpp"

#include <doctest/doctest.h>

#include "proto/crypto/hash.hpp"
#include "test/vectors.hpp"

namespace kp2p::proto {
namespace {

using test::text;

TEST_CASE("key pairs and their targets are those of the reference") {
    for (auto row : test::vectors("dht")["key_pairs"]["vectors"]) {
        CAPTURE(text(row["name"]));
        const auto pair = KeyPair::from_seed(*Seed::from_hex(text(row["inputs"]["seed"])));
        CHECK(pair.public_key().hex() == text(row["expected"]["publicKey"]));
        CHECK(blake2b_256(pair.public_key().view()).hex() == text(row["expected"]["target"]));
    }
}

TEST_CASE("namespaces are those of the reference") {
    for (auto row : test::vectors("dht")["namespaces"]["vectors"]) {
        CAPTURE(text(row["name"]));
        const auto id = static_cast<std::uint8_t>(std::uint64_t(row["inputs"]["id"]));
        const std::string name = text(row["inputs"]["name"]);
        CHECK(hash_namespace(name, id).hex() == text(row["expected"]["namespace"]));
        if (name == "hyperswarm/dht")
            CHECK(dht_namespace_of(id).hex() == text(row["expected"]["namespace"]));
    }
}

TEST_CASE("the shared secret is that of the reference and bad points are refused") {
    for (auto row : test::vectors("dht")["noise_primitives"]["vectors"]) {
        if (row["inputs"]["seed_a"].error()) continue;
        CAPTURE(text(row["inputs"]["public_b"]));
        const auto pair = KeyPair::from_seed(*Seed::from_hex(text(row["inputs"]["seed_a"])));
        auto shared = pair.shared_secret(*NodeId::from_hex(text(row["inputs"]["public_b"])));
        if (row["expected"]["shared"].error()) {
            CHECK(shared.error() == Errc::bad_point);
        } else {
            REQUIRE(shared);
            CHECK(shared->hex() == text(row["expected"]["shared"]));
        }
    }
}

TEST_CASE("a signature verifies only for its message and signer") {
    const auto pair = KeyPair::from_seed(Seed());
    const auto message = as_bytes("some words");
    auto signature = pair.sign(message);
    CHECK(verify(pair.public_key(), message, signature));
    CHECK_FALSE(verify(pair.public_key(), as_bytes("some w0rds"), signature));
    signature.data()[5] ^= 1;
    CHECK_FALSE(verify(pair.public_key(), message, signature));
}

TEST_CASE("hashing pieces is hashing their concatenation") {
    const auto whole = as_bytes("abcdef");
    CHECK(blake2b_256(whole.first(2), whole.subspan(2)) == blake2b_256(whole));
    CHECK(blake2b_256(whole).hex() != keyed_blake2b_256(as_bytes("k"), whole).hex());
    CHECK(blake2b_512(as_bytes("abc")).hex() ==  // RFC 7693, appendix A
          "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
          "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

}  // namespace
}  // namespace kp2p::proto
