#include "proto/dht/wire/rpc.hpp"

#include "proto/dht/wire/messages.hpp"
#include "proto/dht/wire/peer_messages.hpp"
#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;
using namespace kp2p::test;

namespace {

AnyCommand command_of(Json v) {
    if (flag(v, "internal")) return InternalCommand(number(v, "command"));
    return Command(number(v, "command"));
}

// Every truncation must be refused or, where only trailing optional bytes went, still decode.
template <class Message>
void check_round_trip(const ByteVector& bytes) {
    auto decoded = decode_rpc(bytes);
    REQUIRE(decoded);
    CHECK(to_hex(encode(std::get<Message>(*decoded))) == to_hex(bytes));
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
        CHECK(!decode_rpc(ByteView(bytes).first(cut)));
}

template <class Message>
std::size_t check_value(const ByteVector& bytes) {
    const auto message = Message::decode(bytes);
    REQUIRE(message);
    CHECK(to_hex(message->encode()) == to_hex(bytes));
    return 1;
}

// How many values were checked: 0 or 1.
std::size_t check_value_of(const Request& request) {
    const auto* command = std::get_if<Command>(&request.command);
    if (!command || !request.value) return 0;
    switch (*command) {
        case Command::peer_handshake:
            return check_value<PeerHandshake>(*request.value);
        case Command::peer_holepunch:
            return check_value<PeerHolepunch>(*request.value);
        case Command::announce:
        case Command::unannounce:
            return check_value<Announce>(*request.value);
        default:
            return 0;
    }
}

}  // namespace

TEST_CASE("requests have the reference's bytes") {
    for (Json v : rows("rpc_requests")) {
        CAPTURE(name(v));
        Json in = v["inputs"];
        Request request;
        request.tid = static_cast<std::uint16_t>(number(in, "tid"));
        request.to = endpoint(in, "to");
        request.id = maybe_id<DhtId>(in, "id");
        request.token = maybe_id<Token>(in, "token");
        request.command = command_of(in);
        request.target = maybe_id<DhtId>(in, "target");
        request.value = maybe_hex(in, "value");
        const ByteVector expected = hex(v["expected"], "hex");
        CHECK(to_hex(encode(request)) == to_hex(expected));
        check_round_trip<Request>(expected);
    }
}

TEST_CASE("replies survive a round trip and no truncation") {
    for (Json v : rows("rpc_replies")) {
        CAPTURE(name(v));
        check_round_trip<Reply>(hex(v["expected"], "hex"));
    }
}

TEST_CASE("odd requests are decoded or refused as the reference does") {
    for (Json v : rows("rpc_decode")) {
        CAPTURE(name(v));
        Json expected = v["expected"];
        const Endpoint from = endpoint(v["inputs"], "from");
        const auto message = decode_rpc(hex(v["inputs"], "hex"));
        const bool delivered = message && from.port != 0;
        CHECK(delivered == flag(expected, "delivered"));
        if (!delivered || !flag(expected, "delivered")) continue;
        const auto& request = std::get<Request>(*message);
        CHECK(request.tid == number(expected, "tid"));
        CHECK(request.to == endpoint(expected, "to"));
        CHECK(verified_id(request.id, from) == maybe_id<DhtId>(expected, "from_id"));
        CHECK(request.command == command_of(expected));
        CHECK(request.token == maybe_id<Token>(expected, "token"));
        CHECK(request.target == maybe_id<DhtId>(expected, "target"));
        CHECK(request.value == maybe_hex(expected, "value"));
    }
}

TEST_CASE("a datagram longer than the reference reads is refused") {
    Request request;
    request.value = ByteVector(max_datagram_bytes);
    CHECK(decode_rpc(encode(request)).error() == proto::Errc::too_long);
}

TEST_CASE("every RPC datagram of the transcripts decodes and encodes to itself") {
    std::size_t count = 0, values = 0;
    for (Json transcript : rows("transcripts")) {
        CAPTURE(name(transcript));
        for (Json datagram : array_of(transcript["datagrams"])) {
            const std::string kind = text(datagram, "kind");
            if (kind != "request" && kind != "reply") continue;
            const ByteVector bytes = hex(datagram, "hex");
            CAPTURE(to_hex(bytes));
            const auto message = decode_rpc(bytes);
            REQUIRE(message);
            CHECK(std::holds_alternative<Request>(*message) == (kind == "request"));
            std::visit([&](const auto& m) { CHECK(to_hex(encode(m)) == to_hex(bytes)); }, *message);
            if (kind == "request") values += check_value_of(std::get<Request>(*message));
            ++count;
        }
    }
    CHECK(count > 100);
    CHECK(values > 20);
}
