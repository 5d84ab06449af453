#include <doctest/doctest.h>

#include "test/proto/udx/captured.hpp"

using namespace kp2p;
using namespace kp2p::proto::udx;

namespace {

const char* const sessions[] = {
    "session-basic",   "coalesced-writes", "message",
    "heartbeat",       "destroy",          "sack-recovery",
    "tail-loss-probe", "mtu-search",       "seq-wrap",
    "rto-blackhole",   "final-ack-lost",   "relay",
    "change-remote",   "mtu-probe-lost",   "rto-blackhole-no-rtt",
};

}  // namespace

TEST_CASE("captured packets parse to the fields they were captured with") {
    for (const char* name : sessions) {
        CAPTURE(name);
        for (simdjson::dom::element entry :
             simdjson::dom::array(test::udx_vector(name)["expected"]["packets"])) {
            const simdjson::dom::element fields = entry["fields"];
            const ByteVector bytes = test::captured(entry).at(0).bytes;
            CHECK(bytes.size() == std::uint64_t(entry["len"]));
            const auto packet = parse_packet(bytes);
            REQUIRE(packet);
            const Header& header = packet->header;
            CHECK(header.flags == std::uint64_t(fields["type"]));
            CHECK(header.extension_bytes == std::uint64_t(fields["data_offset"]));
            CHECK(header.receiver_id == std::uint64_t(fields["id"]));
            CHECK(header.window_bytes == std::uint64_t(fields["rwnd"]));
            CHECK(header.seq == std::uint64_t(fields["seq"]));
            CHECK(header.ack == std::uint64_t(fields["ack"]));
            if (!header.has(flag::sack))
                CHECK(packet->payload().size() == std::uint64_t(fields["payload_len"]));
            std::array<std::uint8_t, header_bytes> written;
            write_header(header, written);
            CHECK(std::equal(written.begin(), written.end(), bytes.begin()));
        }
    }
}

TEST_CASE("every truncation is an error or a shorter packet, and is never over-read") {
    const auto session = test::captured_session("sack-recovery");
    for (const test::Captured& captured : session) {
        for (std::size_t size = 0; size < std::min<std::size_t>(64, captured.bytes.size());
             ++size) {
            const ByteVector cut(captured.bytes.begin(),
                                 captured.bytes.begin() + static_cast<std::ptrdiff_t>(size));
            const auto packet = parse_packet(cut);
            CHECK(bool(packet) == (size >= header_bytes));
            if (!packet) continue;
            CHECK(packet->payload().size() <= size - header_bytes);
            CHECK(packet->sack_ranges() <= (size - header_bytes) / sack_range_bytes);
        }
    }
}

TEST_CASE("what is not UDX is told apart") {
    struct Row {
        const char* name;
        const char* hex;
    } rows[] = {
        {"empty", ""},
        {"a hole punch probe", "00"},
        {"a request", "0301020304050607080900010203040506070809"},
        {"version 2", "ff0201002222222200004000000000000000000068656c6c6f"},
        {"one byte short",
         "ff01010022222222000040000000000000000000"
         "" /* complete */},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        auto bytes = *from_hex(row.hex);
        if (row.name == std::string("one byte short")) bytes.pop_back();
        CHECK(!parse_packet(bytes));
    }
}

TEST_CASE("narrow sequence numbers widen to the nearest") {
    const std::uint64_t first = widen_first(0xfffffffe);
    CHECK(widen(first, 0xfffffffe) == first);
    CHECK(widen(first, 0) == first + 2);
    CHECK(widen(first + 2, 0xffffffff) == first + 1);
    CHECK(widen(widen_first(0), 0xffffffff) == widen_first(0) - 1);
}
