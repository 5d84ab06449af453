// The UDX packet. Little-endian. No checksum and no length: UDP has both.
//   packet := ff 01 flags:u8 extension_bytes:u8 receiver_id:u32 window_bytes:u32 seq:u32 ack:u32
//             extension payload
//   sack   := (start:u32 end:u32)*     half-open ranges, in the extension, or in all that follows
//                                      the header when the extension is empty
// The id is the one that the receiver chose. Sequence numbers count packets, not bytes.
// Source: npm udx-native 1.21.3 (libudx, include/udx.h and src/udx.c) and its traffic.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "proto/bytes.hpp"
#include "proto/result.hpp"

namespace kp2p::proto::udx {

using Time = std::chrono::steady_clock::time_point;
using Span = std::chrono::steady_clock::duration;

inline constexpr std::size_t header_bytes = 20;
inline constexpr std::size_t packet_overhead_bytes = 20 + 8 + header_bytes;  // IPv4, UDP, UDX
inline constexpr std::size_t ipv6_overhead_bytes = packet_overhead_bytes + 20;
inline constexpr std::size_t max_extension_bytes = 255;
inline constexpr std::size_t sack_range_bytes = 8;
// What the smallest path takes. The reference implementation sends 50 and reads any number.
inline constexpr std::size_t max_sack_ranges = 144;

// 0 is a pure acknowledgement. Unknown bits are ignored.
namespace flag {
inline constexpr std::uint8_t data = 1, end = 2, sack = 4, message = 8, destroy = 16,
                              heartbeat = 32;
}

struct Header {
    std::uint8_t flags = 0;
    std::uint8_t extension_bytes = 0;
    std::uint32_t receiver_id = 0;
    std::uint32_t window_bytes = 0;  // what the sender of the packet will buffer
    std::uint32_t seq = 0;           // its own for data and end, the next unused one otherwise
    std::uint32_t ack = 0;           // the next one expected from the receiver

    bool has(std::uint8_t flags_wanted) const { return flags & flags_wanted; }
    friend bool operator==(const Header&, const Header&) = default;
};

struct SackRange {  // [start, end) has arrived
    std::uint32_t start = 0, end = 0;
    friend bool operator==(const SackRange&, const SackRange&) = default;
};

struct Packet {
    Header header;
    ByteView body;  // extension and payload; lives as long as the datagram

    // False: the packet claims more extension than it has, and its body means nothing.
    bool extension_fits() const { return header.extension_bytes <= body.size(); }
    ByteView payload() const;
    std::size_t sack_ranges() const;
    SackRange sack_range(std::size_t index) const;
};

// Errc::truncated or Errc::bad_value: this datagram is not UDX but belongs to something else.
Result<Packet> parse_packet(ByteView datagram);
void write_header(const Header& header, std::span<std::uint8_t, header_bytes> out);
void write_sack_range(const SackRange& range, std::span<std::uint8_t, sack_range_bytes> out);

// Inside, sequence numbers are 64 bits wide and never wrap. This is the one nearest to `near` whose
// low half is `wire`.
constexpr std::uint64_t widen(std::uint64_t near, std::uint32_t wire) {
    const auto distance = static_cast<std::int32_t>(wire - static_cast<std::uint32_t>(near));
    return near + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
}
// The wide form of the first number of a stream: far enough from 0 for smaller ones to exist.
constexpr std::uint64_t widen_first(std::uint32_t first) {
    return (std::uint64_t{1} << 32) + first;
}

}  // namespace kp2p::proto::udx
