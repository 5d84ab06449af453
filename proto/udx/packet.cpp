#include "proto/udx/packet.hpp"

namespace kp2p::proto::udx {
namespace {

constexpr std::uint8_t magic = 0xff, version = 1;

std::uint32_t load(const std::uint8_t* from) {
    return std::uint32_t{from[0]} | std::uint32_t{from[1]} << 8 | std::uint32_t{from[2]} << 16 |
           std::uint32_t{from[3]} << 24;
}

void store(std::uint8_t* to, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) to[i] = static_cast<std::uint8_t>(value >> 8 * i);
}

ByteView sack_bytes(const Packet& packet) {
    const std::size_t extension = packet.header.extension_bytes;
    if (extension > 0 && extension < packet.body.size()) return packet.body.first(extension);
    return packet.body;
}

}  // namespace

ByteView Packet::payload() const {
    return extension_fits() ? body.subspan(header.extension_bytes) : ByteView();
}

std::size_t Packet::sack_ranges() const {
    return header.has(flag::sack) ? sack_bytes(*this).size() / sack_range_bytes : 0;
}

SackRange Packet::sack_range(std::size_t index) const {
    const std::uint8_t* at = sack_bytes(*this).data() + index * sack_range_bytes;
    return {load(at), load(at + 4)};
}

Result<Packet> parse_packet(ByteView datagram) {
    if (datagram.size() < header_bytes) return Errc::truncated;
    if (datagram[0] != magic || datagram[1] != version) return Errc::bad_value;
    const std::uint8_t* at = datagram.data();
    return Packet{.header = {.flags = at[2],
                             .extension_bytes = at[3],
                             .receiver_id = load(at + 4),
                             .window_bytes = load(at + 8),
                             .seq = load(at + 12),
                             .ack = load(at + 16)},
                  .body = datagram.subspan(header_bytes)};
}

void write_header(const Header& header, std::span<std::uint8_t, header_bytes> out) {
    out[0] = magic;
    out[1] = version;
    out[2] = header.flags;
    out[3] = header.extension_bytes;
    store(&out[4], header.receiver_id);
    store(&out[8], header.window_bytes);
    store(&out[12], header.seq);
    store(&out[16], header.ack);
}

void write_sack_range(const SackRange& range, std::span<std::uint8_t, sack_range_bytes> out) {
    store(&out[0], range.start);
    store(&out[4], range.end);
}

}  // namespace kp2p::proto::udx
