#include "proto/record/secret_stream.hpp"

#include <doctest/doctest.h>

#include "proto/crypto/noise.hpp"
#include "test/vectors.hpp"

namespace kp2p::proto {
namespace {

using test::bytes;
using test::text;
using Json = simdjson::simdjson_result<simdjson::dom::element>;

constexpr std::size_t max_frame_bytes = 1 << 20;

void feed(SecretOpener& reader, ByteView bytes) {
    while (!bytes.empty()) {
        const auto room = reader.room();
        const std::size_t n = std::min(room.size(), bytes.size());
        std::copy_n(bytes.begin(), n, room.begin());
        reader.received(n);
        bytes = bytes.subspan(n);
    }
}

// Everything that arrives when `stream` comes in pieces of `step` bytes.
Result<std::vector<ByteVector>> read_all(const NoiseKeys& keys, ByteView stream, std::size_t step) {
    SecretOpener reader(keys);
    reader.set_max_frame_bytes(max_frame_bytes);
    std::vector<ByteVector> messages;
    while (!stream.empty()) {
        const auto piece = stream.first(std::min(step, stream.size()));
        stream = stream.subspan(piece.size());
        feed(reader, piece);
        for (;;) {
            auto message = reader.next();
            if (!message) return message.error();
            if (!*message) break;
            messages.emplace_back((*message)->begin(), (*message)->end());
        }
    }
    return messages;
}

struct Session {
    std::string name;
    NoiseKeys sender, receiver;
    StreamHeader header;
    ByteVector stream;  // from the header frame on
    std::vector<ByteVector> messages;
};

void append_frame(ByteView body, ByteVector& stream) {
    stream.push_back(static_cast<std::uint8_t>(body.size()));
    stream.push_back(static_cast<std::uint8_t>(body.size() >> 8));
    stream.push_back(static_cast<std::uint8_t>(body.size() >> 16));
    stream.insert(stream.end(), body.begin(), body.end());
}

// Both directions of both recorded sessions.
std::vector<Session> sessions() {
    std::vector<Session> all;
    for (auto row : test::vectors("secret-stream")["vectors"]) {
        if (!text(row["name"]).starts_with("session-")) continue;
        Json keys = row["expected"]["keys"];
        const auto tx = *CipherKey::from_hex(text(keys["initiator_tx_key"]));
        const auto rx = *CipherKey::from_hex(text(keys["initiator_rx_key"]));
        const auto hash = *HandshakeHash::from_hex(text(keys["handshake_hash"]));
        const NoiseKeys initiator{tx, rx, hash, NodeId(), Role::initiator};
        const NoiseKeys responder{rx, tx, hash, NodeId(), Role::responder};
        CHECK(secret_stream_id(hash, Role::initiator).hex() == text(keys["initiator_stream_id"]));
        for (const std::string who : {"initiator", "responder"}) {
            const bool first = who == "initiator";
            Session session{text(row["name"]) + " " + who,
                            first ? initiator : responder,
                            first ? responder : initiator,
                            {},
                            {},
                            {}};
            for (auto frame : row["expected"][who + "_frames"]) {
                if (text(frame["kind"]) == "noise-handshake") continue;
                append_frame(bytes(frame["frame"]), session.stream);
                if (text(frame["kind"]) == "header")
                    session.header = *StreamHeader::from_hex(text(frame["secretstream_header"]));
            }
            for (auto message : row["inputs"][who + "_writes"])
                session.messages.push_back(bytes(Json(std::move(message))));
            all.push_back(session);
        }
    }
    return all;
}

std::vector<ByteVector> without_empty(std::vector<ByteVector> messages) {
    std::erase(messages, ByteVector());
    return messages;
}

TEST_CASE("recorded sessions are written byte for byte and read in any split") {
    const auto all = sessions();
    CHECK(all.size() == 4);
    for (const Session& session : all) {
        CAPTURE(session.name);
        BulkBytes out;
        SecretSealer sealer(session.sender, session.header);
        sealer.begin(out);
        for (const ByteVector& message : session.messages) {
            const ByteView half = ByteView(message).first(message.size() / 2);
            const std::array<ByteView, 2> parts{half, ByteView(message).subspan(half.size())};
            sealer.seal(parts, out);
        }
        CHECK(to_hex(out) == to_hex(session.stream));
        for (const std::size_t step : {1u, 2u, 7u, 100000u}) {
            auto read = read_all(session.receiver, session.stream, step);
            REQUIRE(read);
            CHECK(*read == without_empty(session.messages));
        }
    }
}

struct Handshake {
    ByteVector from_initiator, from_responder;
    NoiseKeys initiator, responder;
};

// Without HyperDHT the handshake runs in the stream, a message a frame, with pattern XX.
Handshake framed_handshake(Json inputs) {
    const auto noise = [&](Role role, const char* who) {
        const auto pair = [&](const char* which) {
            return KeyPair::from_seed(*Seed::from_hex(text(inputs[which][who])));
        };
        return Noise({.pattern = NoisePattern::xx,
                      .role = role,
                      .local = pair("static_seeds"),
                      .ephemeral = pair("ephemeral_seeds"),
                      .prologue = {},
                      .remote = std::nullopt});
    };
    Noise initiator = noise(Role::initiator, "initiator");
    Noise responder = noise(Role::responder, "responder");
    ByteVector out, back;
    while (!responder.done()) {
        Noise& writer = back.empty() == out.empty() ? initiator : responder;
        const auto message = writer.write({});
        REQUIRE(message);
        append_frame(*message, &writer == &initiator ? out : back);
        REQUIRE((&writer == &initiator ? responder : initiator).read(*message));
    }
    return {out, back, initiator.keys(), responder.keys()};
}

TEST_CASE("whole recorded streams come from the seeds, a handshake in frames included") {
    const auto all = sessions();
    std::size_t at = 0;
    for (auto row : test::vectors("secret-stream")["vectors"]) {
        if (!text(row["name"]).starts_with("session-")) continue;
        CAPTURE(text(row["name"]));
        ByteVector initiator, responder;
        if (text(row["name"]) == "session-XX") {
            const Handshake handshake = framed_handshake(row["inputs"]);
            initiator = handshake.from_initiator;
            responder = handshake.from_responder;
            CHECK(handshake.initiator.tx == all.at(at).sender.tx);
            CHECK(handshake.initiator.rx == all.at(at).sender.rx);
            CHECK(handshake.initiator.hash == all.at(at).sender.hash);
            CHECK(handshake.responder.tx == all.at(at).receiver.tx);
            CHECK(handshake.responder.rx == all.at(at).receiver.rx);
        }
        for (ByteVector* stream : {&initiator, &responder}) {
            const ByteVector& rest = all.at(at++).stream;
            stream->insert(stream->end(), rest.begin(), rest.end());
        }
        CHECK(to_hex(initiator) == text(row["expected"]["raw_initiator_to_responder"]));
        CHECK(to_hex(responder) == text(row["expected"]["raw_responder_to_initiator"]));
    }
    CHECK(at == 4);
}

TEST_CASE("a cut stream yields a prefix of its messages and no error") {
    const Session session = sessions().front();
    for (std::size_t size = 0; size < session.stream.size(); size++) {
        auto read = read_all(session.receiver, ByteView(session.stream).first(size), 1000);
        REQUIRE(read);
        CHECK(read->size() < without_empty(session.messages).size());
    }
}

TEST_CASE("no changed byte gets through") {
    const Session session = sessions().front();
    for (std::size_t i = 0; i < session.stream.size(); i++) {
        ByteVector stream = session.stream;
        stream[i] ^= 1;
        auto read = read_all(session.receiver, stream, 1000);
        if (read) CHECK(read->size() < without_empty(session.messages).size());
    }
}

TEST_CASE("a reflected stream and a wrong header are refused") {
    const Session session = sessions().front();
    CHECK(read_all(session.sender, session.stream, 1000).error() == Errc::bad_decryption);
    ByteVector longer{57, 0, 0};
    CHECK(read_all(session.receiver, longer, 3).error() == Errc::too_long);
    ByteVector shorter{1, 0, 0, 0};
    CHECK(read_all(session.receiver, shorter, 4).error() == Errc::bad_value);
}

TEST_CASE("a frame past the limit or shorter than its overhead ends the stream") {
    const Session session = sessions().front();
    ByteVector stream(session.stream.begin(), session.stream.begin() + 59);
    const std::size_t header = stream.size();
    const ByteVector too_long{1, 0, 16}, too_short{1, 0, 0, 9};
    stream.insert(stream.end(), too_long.begin(), too_long.end());
    CHECK(read_all(session.receiver, stream, 1000).error() == Errc::too_long);
    stream.resize(header);
    stream.insert(stream.end(), too_short.begin(), too_short.end());
    CHECK(read_all(session.receiver, stream, 1000).error() == Errc::truncated);
}

TEST_CASE("long messages arrive whole") {
    const Session session = sessions().front();
    BulkBytes out;
    ByteVector message(max_frame_bytes - 17);
    for (std::size_t i = 0; i < message.size(); i++)
        message[i] = static_cast<std::uint8_t>(i * i >> 7);
    SecretSealer sealer(session.sender, session.header);
    sealer.begin(out);
    const std::array<ByteView, 1> parts{message};
    for (int i = 0; i < 3; i++) sealer.seal(parts, out);
    auto read = read_all(session.receiver, out, 50000);
    REQUIRE(read);
    CHECK(*read == std::vector<ByteVector>(3, message));
}

TEST_CASE("derived keys are those of the reference") {
    for (auto row : test::vectors("secret-stream")["vectors"]) {
        if (text(row["name"]) != "derivations") continue;
        const auto hash = *HandshakeHash::from_hex(text(row["inputs"]["handshake_hash"]));
        Json expected = row["expected"];
        CHECK(secret_stream_id(hash, Role::initiator).hex() ==
              text(expected["stream_id_initiator"]));
        CHECK(secret_stream_id(hash, Role::responder).hex() ==
              text(expected["stream_id_responder"]));
        CHECK(holepunch_secret(hash).hex() == text(expected["dht_holepunch_secret"]));
    }
}

}  // namespace
}  // namespace kp2p::proto
