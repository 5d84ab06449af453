#include "proto/relay/blind_relay.hpp"

#include <doctest/doctest.h>

#include "proto/errc.hpp"
#include "proto/mux/mux.hpp"
#include "test/vectors.hpp"

using namespace kp2p;
using namespace kp2p::proto;

namespace {

RelayToken token_of(const std::string& hex) { return *RelayToken::from_hex(hex); }

}  // namespace

TEST_CASE("messages have the reference's bytes, and come back") {
    std::size_t rows = 0;
    for (auto row : test::vectors("blind-relay")["vectors"]) {
        const std::string name = test::text(row["name"]);
        if (!name.starts_with("encode-")) continue;
        CAPTURE(name);
        rows++;
        const bool pairs = name.starts_with("encode-pair");
        const RelayToken token = token_of(test::text(row["inputs"]["token"]));
        RelayMessage message = RelayUnpair{token};
        if (pairs) {
            const bool initiator = row["inputs"]["isInitiator"].get_bool().value();
            const auto id = row["inputs"]["id"].get_uint64().value();
            message = RelayPair{initiator ? PairSide::initiator : PairSide::responder, token,
                                static_cast<std::uint32_t>(id)};
        }
        const ByteVector bytes = test::bytes(row["expected"]["body"]);
        const std::uint64_t type = pairs ? 0 : 1;
        const auto read = decode_relay_message(type, bytes);
        REQUIRE(read);
        CHECK(*read == message);
        if (name.find("seq non-zero") == name.npos) CHECK(encode(message).payload == bytes);
        CHECK(encode(message).type == type);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            CHECK(decode_relay_message(type, ByteView(bytes).first(size)).error() ==
                  Errc::truncated);
    }
    CHECK(rows == 7);
}

TEST_CASE("the reference's session is one that we understand") {
    for (auto row : test::vectors("blind-relay")["vectors"]) {
        if (test::text(row["name"]) != "session") continue;
        std::vector<RelayMessage> heard;
        Mux client, relay;  // the frames of each side, read by one that has the channel open
        const ByteVector id = test::bytes(row["inputs"]["channel"]["id_A"]);
        (void)client.open({blind_relay_protocol, id}, ByteVector());
        (void)relay.open({blind_relay_protocol, id}, ByteVector());
        for (auto frame : row["expected"]["control_frames"]) {
            const std::string from = test::text(frame["from"]);
            if (!from.ends_with("A")) continue;
            Mux& reader = from == "clientA" ? relay : client;
            const ByteVector bytes = test::bytes(frame["frame"]);
            reader.receive(bytes);
            for (;;) {
                auto event = reader.next_event();
                REQUIRE(event);
                if (!*event) break;
                const auto* message = std::get_if<ChannelMessage>(&**event);
                if (!message) continue;
                auto read = decode_relay_message(message->type, message->payload);
                REQUIRE(read);
                heard.push_back(*read);
            }
        }
        const RelayToken token = token_of(test::text(row["inputs"]["token"]));
        REQUIRE(heard.size() == 3);
        CHECK(heard[0] == RelayMessage(RelayPair{PairSide::initiator, token, 41377}));
        CHECK(heard[1] == RelayMessage(RelayPair{PairSide::initiator, token, 4097}));
        CHECK(heard[2] == RelayMessage(RelayUnpair{token}));
        return;
    }
    FAIL("no session among the vectors");
}

TEST_CASE("what is no message of these is refused") {
    const RelayToken token = token_of(std::string(64, '7'));
    ByteVector bytes = encode(RelayUnpair{token}).payload;
    CHECK(decode_relay_message(2, bytes).error() == Errc::unknown_type);
    const ByteVector id = *from_hex("ff000000000100000000");  // 2^32, and a seq
    bytes.insert(bytes.end(), id.begin(), id.end());
    CHECK(decode_relay_message(0, bytes).error() == Errc::bad_value);
}
