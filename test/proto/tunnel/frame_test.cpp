#include "proto/tunnel/frame.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "proto/errc.hpp"

using namespace kp2p;
using namespace kp2p::proto::tunnel;

namespace {

ByteVector encoded(const Frame& frame) {
    ByteVector bytes;
    append(bytes, frame);
    return bytes;
}

void give(FrameReader& reader, ByteView bytes) {
    const auto room = reader.room();
    REQUIRE(room.size() >= bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    reader.filled(bytes.size());
}

}  // namespace

TEST_CASE("frames have these bytes") {
    const Endpoint peer = *Endpoint::parse("192.168.1.2:258");
    const ByteVector hello{'h', 'i'};
    CHECK(to_hex(encoded(DatagramFrame{peer, hello, 5})) ==
          "1600"
          "00"
          "05"
          "00000000000000000000ffffc0a80102"
          "0201"
          "6869");
    Allocated allocated{peer, {}};
    allocated.key.mutable_view()[0] = 0xab;
    CHECK(to_hex(encoded(allocated)) ==
          "2300"
          "01"
          "00000000000000000000ffffc0a80102"
          "0201"
          "ab000000000000000000000000000000");
    CHECK(to_hex(encoded(KeepAlive{})) == "010002");
    CHECK(to_hex(encoded(End{End::Code::replaced})) == "02000301");
}

TEST_CASE("a datagram that is too long is left out") {
    const ByteVector most(max_datagram_bytes), more(max_datagram_bytes + 1);
    const Endpoint peer = Endpoint::loopback(1);
    CHECK(encoded(DatagramFrame{peer, most}).size() == 2 + 1 + 1 + 18 + max_datagram_bytes);
    CHECK(encoded(DatagramFrame{peer, more}).empty());
}

TEST_CASE("frames come out whole however the stream is cut") {
    ByteVector stream;
    const ByteVector body{1, 2, 3};
    append(stream, Allocated{Endpoint::loopback(7), {}});
    append(stream, DatagramFrame{Endpoint::loopback(9), body, 0});
    stream.insert(stream.end(), {3, 0, 99, 1, 2});  // of a type that nobody knows
    append(stream, KeepAlive{});
    append(stream, End{End::Code::stopping});
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        FrameReader reader;
        std::vector<std::size_t> kinds;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            give(reader, ByteView(stream).subspan(at, std::min(step, stream.size() - at)));
            for (;;) {
                auto frame = reader.next();
                REQUIRE(frame);
                if (!*frame) break;
                kinds.push_back((*frame)->index());
                if (const auto* datagram = std::get_if<DatagramFrame>(&**frame)) {
                    CHECK(datagram->peer == Endpoint::loopback(9));
                    CHECK(to_hex(datagram->bytes) == "010203");
                }
            }
        }
        CHECK(kinds == std::vector<std::size_t>{1, 0, 2, 3});
    }
}

TEST_CASE("a frame that is too long, or whose body ends too early, is an error") {
    FrameReader reader;
    give(reader, ByteVector{0x01, 0x08});
    CHECK(reader.next().error() == proto::Errc::too_long);
    const ByteVector bodies[] = {{0, 0}, {1, 0, 3}, {2, 0, 0, 0}, {3, 0, 1, 0, 0}};
    for (const ByteVector& bytes : bodies) {
        FrameReader early;
        give(early, bytes);
        CHECK(early.next().error() == proto::Errc::truncated);
    }
}
