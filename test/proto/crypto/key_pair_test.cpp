#include "proto/crypto/key_pair.hpp"

#include <doctest/doctest.h>

#include "proto/crypto/hash.hpp"
#include "test/vectors.hpp"

namespace kp2p::proto {
namespace {

using test::text;
using Json = simdjson::simdjson_result<simdjson::dom::element>;

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

TEST_CASE("a keyed hash is the reference's, as hypercore's discovery keys have it") {
    for (auto row : test::vectors("dht")["discovery_key"]["vectors"]) {
        const auto key = from_hex(text(row["inputs"]["key"]));
        REQUIRE(key);
        CHECK(keyed_blake2b_256(*key, as_bytes("hypercore")).hex() ==
              text(row["expected"]["discoveryKey"]));
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

TEST_CASE("secret stream's namespaces and shared secret are those of the reference") {
    for (auto row : test::vectors("secret-stream")["vectors"]) {
        const Json in = row["inputs"], expected = row["expected"];
        if (text(row["name"]) == "namespaces") {
            const char* const ids[] = {"NS_INITIATOR", "NS_RESPONDER", "NS_SEND"};
            for (std::uint8_t id = 0; id < 3; ++id)
                CHECK(hash_namespace(text(in["name"]), id).hex() == text(expected[ids[id]]));
            for (auto [name, id] : simdjson::dom::object(in["dht_ids"]))
                CHECK(dht_namespace_of(static_cast<std::uint8_t>(std::uint64_t(id))).hex() ==
                      text(expected["dht"][name]));
        } else if (text(row["name"]) == "dh-ed25519") {
            const auto a = KeyPair::from_seed(*Seed::from_hex(text(in["a_seed"])));
            const auto b = KeyPair::from_seed(*Seed::from_hex(text(in["b_seed"])));
            CHECK(a.public_key().hex() == text(expected["a_public"]));
            CHECK(b.public_key().hex() == text(expected["b_public"]));
            CHECK(a.shared_secret(b.public_key())->hex() == text(expected["dh_a_b"]));
            CHECK(b.shared_secret(a.public_key())->hex() == text(expected["dh_b_a"]));
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
