#include "proto/crypto/noise.hpp"

#include <doctest/doctest.h>

#include "proto/record/secret_stream.hpp"
#include "test/vectors.hpp"

namespace kp2p::proto {
namespace {

using test::bytes;
using test::text;
using Json = simdjson::simdjson_result<simdjson::dom::element>;

KeyPair pair(Json seed) { return KeyPair::from_seed(*Seed::from_hex(text(seed))); }

struct Sides {
    Noise initiator, responder;
};

Sides sides(NoisePattern pattern, Json inputs, ByteView prologue) {
    const KeyPair responder = pair(inputs["responder_static_seed"]);
    const bool knows = pattern == NoisePattern::xk || pattern == NoisePattern::ik;
    return {Noise({.pattern = pattern,
                   .role = Role::initiator,
                   .local = pair(inputs["initiator_static_seed"]),
                   .ephemeral = pair(inputs["initiator_ephemeral_seed"]),
                   .prologue = prologue,
                   .remote = knows ? std::optional(responder.public_key()) : std::nullopt}),
            Noise({.pattern = pattern,
                   .role = Role::responder,
                   .local = responder,
                   .ephemeral = pair(inputs["responder_ephemeral_seed"]),
                   .prologue = prologue,
                   .remote = std::nullopt})};
}

void check_state(const SymmetricState& state, Json expected) {
    if (expected.is_null()) return;  // the reference had thrown it away
    CHECK(state.hash().hex() == text(expected["h"]));
    CHECK(state.chaining_key().hex() == text(expected["ck"]));
    CHECK((state.key() ? state.key()->hex() : "") == text(expected["k"]));
    CHECK(state.nonce() == std::uint64_t(expected["n"]));
}

void check_forgeries(Noise reader, const ByteVector& message) {
    const auto before = reader.state().hash();
    for (std::size_t i = 0; i < message.size(); i++) {
        CHECK_FALSE(Noise(reader).read(ByteView(message).first(i)));
        if (reader.state().key() || message.size() > 64) {
            ByteVector forged = message;
            forged[i] ^= 1;
            CHECK_FALSE(reader.read(forged));  // and the true one is still understood, below
        }
    }
    CHECK(reader.state().hash() == before);
    CHECK(reader.read(message));
}

TEST_CASE("handshakes of every pattern are those of the reference, message by message") {
    const std::pair<const char*, NoisePattern> patterns[] = {{"NN", NoisePattern::nn},
                                                             {"XX", NoisePattern::xx},
                                                             {"XK", NoisePattern::xk},
                                                             {"IK", NoisePattern::ik}};
    int seen = 0;
    for (auto row : test::vectors("secret-stream")["vectors"]) {
        if (!text(row["name"]).starts_with("noise-")) continue;
        CAPTURE(text(row["name"]));
        seen++;
        NoisePattern pattern = NoisePattern::nn;
        for (auto [name, value] : patterns)
            if (text(row["inputs"]["pattern"]) == name) pattern = value;
        auto both = sides(pattern, row["inputs"], bytes(row["inputs"]["prologue"]));
        Json expected = row["expected"];
        check_state(both.initiator.state(), expected["start"]);
        for (auto message : expected["msgs"]) {
            const bool from_initiator = text(message["from"]) == "initiator";
            Noise& writer = from_initiator ? both.initiator : both.responder;
            Noise& reader = from_initiator ? both.responder : both.initiator;
            CHECK(reader.write({}).error() == Errc::bad_state);
            auto written = writer.write(bytes(message["payload"]));
            REQUIRE(written);
            CHECK(to_hex(*written) == text(message["wire"]));
            if (pattern == NoisePattern::ik) check_forgeries(reader, *written);
            auto payload = reader.read(*written);
            REQUIRE(payload);
            CHECK(*payload == bytes(message["payload"]));
            check_state(writer.state(), message["state_after_sender"]);
            check_state(reader.state(), message["state_after_sender"]);
        }
        REQUIRE(both.initiator.done());
        REQUIRE(both.responder.done());
        const auto ours = both.initiator.keys(), theirs = both.responder.keys();
        CHECK(ours.tx.hex() == text(expected["initiator_tx"]));
        CHECK(ours.rx.hex() == text(expected["initiator_rx"]));
        CHECK(theirs.tx == ours.rx);
        CHECK(theirs.rx == ours.tx);
        CHECK(ours.hash.hex() == text(expected["handshake_hash"]));
        CHECK(theirs.hash == ours.hash);
        if (pattern != NoisePattern::nn) {
            CHECK(ours.remote.hex() == text(expected["initiator_sees_rs"]));
            CHECK(theirs.remote.hex() == text(expected["responder_sees_rs"]));
        }
    }
    CHECK(seen >= 5);
}

TEST_CASE("HyperDHT's handshakes and the secrets derived from them are those of the reference") {
    for (auto row : test::vectors("dht")["noise"]["vectors"]) {
        CAPTURE(text(row["name"]));
        Json in = row["inputs"], expected = row["expected"];
        auto both = sides(NoisePattern::ik, in, bytes(in["prologue"]));
        auto m1 = both.initiator.write(bytes(in["payload1"]));
        REQUIRE(m1);
        CHECK(to_hex(*m1) == text(expected["m1"]));
        CHECK(*both.responder.read(*m1) == bytes(in["payload1"]));
        CHECK(both.responder.remote()->hex() == text(in["initiator_static_public"]));
        auto m2 = both.responder.write(bytes(in["payload2"]));
        REQUIRE(m2);
        CHECK(to_hex(*m2) == text(expected["m2"]));
        CHECK(*both.initiator.read(*m2) == bytes(in["payload2"]));
        const auto keys = both.initiator.keys();
        CHECK(keys.hash.hex() == text(expected["handshake_hash"]));
        CHECK(keys.tx.hex() == text(expected["initiator_tx"]));
        CHECK(both.responder.keys().tx.hex() == text(expected["responder_tx"]));
        CHECK(holepunch_secret(keys.hash).hex() == text(expected["holepunch_secret"]));
        CHECK(secret_stream_id(keys.hash, Role::initiator).hex() ==
              text(expected["initiator_stream_id"]));
        CHECK(secret_stream_id(keys.hash, Role::responder).hex() ==
              text(expected["responder_stream_id"]));
    }
}

TEST_CASE("a secret stream gets from HyperDHT's handshake what the reference's gets") {
    for (auto row : test::vectors("secret-stream")["vectors"]) {
        if (text(row["name"]) != "dht-ik-handover") continue;
        Json in = row["inputs"], expected = row["expected"];
        auto both = sides(NoisePattern::ik, in, bytes(in["prologue"]));
        CHECK(to_hex(*both.initiator.write(bytes(in["payload1"]))) == text(expected["message1"]));
        CHECK(*both.responder.read(bytes(expected["message1"])) == bytes(in["payload1"]));
        CHECK(to_hex(*both.responder.write(bytes(in["payload2"]))) == text(expected["message2"]));
        CHECK(*both.initiator.read(bytes(expected["message2"])) == bytes(in["payload2"]));
        for (const Noise* side : {&both.initiator, &both.responder}) {
            const auto keys = side->keys();
            const bool first = keys.role == Role::initiator;
            Json values = expected[first ? "initiator" : "responder"];
            CHECK(keys.tx.hex() == text(values["tx"]));
            CHECK(keys.rx.hex() == text(values["rx"]));
            CHECK(keys.hash.hex() == text(expected["handshake_hash"]));
            CHECK(holepunch_secret(keys.hash).hex() == text(expected["holepunch_secret"]));
            CHECK(secret_stream_id(keys.hash, first ? Role::responder : Role::initiator).hex() ==
                  text(values["remoteId_expected_from_peer"]));
        }
    }
}

TEST_CASE("HKDF is that of the reference") {
    for (auto row : test::vectors("dht")["noise_primitives"]["vectors"]) {
        if (row["inputs"]["chaining_key"].error()) continue;
        const auto made = hkdf(*Hash64::from_hex(text(row["inputs"]["chaining_key"])),
                               bytes(row["inputs"]["ikm"]));
        CHECK(made.first.hex() == text(row["expected"]["out1"]));
        CHECK(made.second.hex() == text(row["expected"]["out2"]));
    }
}

TEST_CASE("a handshake with a small-order key is refused") {
    const KeyPair local = KeyPair::from_seed(Seed());
    Noise noise({.role = Role::initiator,
                 .local = local,
                 .ephemeral = local,
                 .prologue = {},
                 .remote = NodeId()});
    CHECK(noise.write({}).error() == Errc::bad_point);
}

}  // namespace
}  // namespace kp2p::proto
