#include "proto/host.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "proto/errc.hpp"

namespace kp2p {
namespace {

struct Block {
    std::array<std::uint8_t, 16> start;
    unsigned prefix_bits;
    HostKind kind;
};

constexpr unsigned v4_bits = 96;  // in front of an IPv4 address

constexpr Block v4(std::array<std::uint8_t, 4> start, unsigned prefix_bits, HostKind kind) {
    return {Host(start).bytes(), v4_bits + prefix_bits, kind};
}

// The first that fits decides.
constexpr Block v4_blocks[] = {
    v4({0, 0, 0, 0}, 8, HostKind::unspecified),     v4({10, 0, 0, 0}, 8, HostKind::site),
    v4({100, 64, 0, 0}, 10, HostKind::shared),      v4({127, 0, 0, 0}, 8, HostKind::loopback),
    v4({169, 254, 0, 0}, 16, HostKind::link_local), v4({172, 16, 0, 0}, 12, HostKind::site),
    v4({192, 0, 0, 0}, 24, HostKind::reserved),     v4({192, 0, 2, 0}, 24, HostKind::reserved),
    v4({192, 168, 0, 0}, 16, HostKind::site),       v4({198, 18, 0, 0}, 15, HostKind::reserved),
    v4({198, 51, 100, 0}, 24, HostKind::reserved),  v4({203, 0, 113, 0}, 24, HostKind::reserved),
    v4({224, 0, 0, 0}, 4, HostKind::multicast),     v4({240, 0, 0, 0}, 4, HostKind::reserved),
    v4({0, 0, 0, 0}, 0, HostKind::global)};

constexpr Block v6_blocks[] = {{Host::any_v6().bytes(), 128, HostKind::unspecified},
                               {Host::loopback_v6().bytes(), 128, HostKind::loopback},
                               {{0xfe, 0x80}, 10, HostKind::link_local},
                               {{0xfc}, 7, HostKind::site},
                               {{0xff}, 8, HostKind::multicast},
                               {{0x20, 0x01, 0x0d, 0xb8}, 32, HostKind::reserved},  // documentation
                               {{0x3f, 0xff}, 20, HostKind::reserved},              // documentation
                               {{0x20, 0x01, 0x00, 0x02}, 48, HostKind::reserved},  // benchmarks
                               {{0x20, 0x01, 0x00, 0x00}, 32, HostKind::reserved},  // Teredo
                               {{0x20}, 3, HostKind::global},
                               {{}, 0, HostKind::reserved}};

// Both hold an IPv4 address, and are as good as that is.
constexpr std::array<std::uint8_t, 12> nat64{0x00, 0x64, 0xff, 0x9b};
constexpr std::array<std::uint8_t, 2> six_to_four{0x20, 0x02};

bool contains(const Block& block, const std::array<std::uint8_t, 16>& host) {
    const std::size_t whole = block.prefix_bits / 8, bits = block.prefix_bits % 8;
    if (!std::equal(host.begin(), host.begin() + whole, block.start.begin())) return false;
    return bits == 0 || (host[whole] ^ block.start[whole]) >> (8 - bits) == 0;
}

// Of a link-local address the first 64 bits are fe80:: and zeroes.
constexpr std::size_t zone_at = 4, zone_bytes = 4;

std::array<std::uint8_t, 4> four_at(const std::array<std::uint8_t, 16>& host, std::size_t at) {
    return {host[at], host[at + 1], host[at + 2], host[at + 3]};
}

}  // namespace

Result<Host> Host::parse(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size() || text.find('\0') != text.npos)
        return proto::Errc::bad_text;
    std::copy(text.begin(), text.end(), terminated.begin());
    std::array<std::uint8_t, 4> four;
    if (inet_pton(AF_INET, terminated.data(), four.data()) == 1) return Host(four);
    std::array<std::uint8_t, 16> sixteen;
    if (inet_pton(AF_INET6, terminated.data(), sixteen.data()) == 1)
        return Host(sixteen).with_zone(0);
    return proto::Errc::bad_text;
}

std::string Host::text() const {
    std::array<char, INET6_ADDRSTRLEN> text;
    if (is_v4())
        inet_ntop(AF_INET, bytes_.data() + 12, text.data(), text.size());
    else
        inet_ntop(AF_INET6, with_zone(0).bytes_.data(), text.data(), text.size());
    if (zone() == 0) return text.data();
    return std::string(text.data()) + '%' + std::to_string(zone());
}

std::uint32_t Host::zone() const {
    if (is_v4() || kind() != HostKind::link_local) return 0;
    std::uint32_t zone = 0;
    for (std::size_t i = 0; i < zone_bytes; ++i) zone = zone << 8 | bytes_[zone_at + i];
    return zone;
}

Host Host::with_zone(std::uint32_t zone) const {
    if (is_v4() || kind() != HostKind::link_local) return *this;
    Host host = *this;
    for (std::size_t i = zone_bytes; i-- > 0; zone >>= 8)
        host.bytes_[zone_at + i] = static_cast<std::uint8_t>(zone);
    return host;
}

HostKind Host::kind() const {
    const auto fits = [&](const Block& block) { return contains(block, bytes_); };
    if (is_v4()) return std::find_if(std::begin(v4_blocks), std::end(v4_blocks), fits)->kind;
    if (std::equal(nat64.begin(), nat64.end(), bytes_.begin()))
        return Host(four_at(bytes_, 12)).kind();
    if (std::equal(six_to_four.begin(), six_to_four.end(), bytes_.begin()))
        return Host(four_at(bytes_, 2)).kind();
    return std::find_if(std::begin(v6_blocks), std::end(v6_blocks), fits)->kind;
}

Host Host::subscriber() const {
    if (is_v4()) return *this;
    std::array<std::uint8_t, 16> network = bytes_;
    std::fill(network.begin() + 8, network.end(), std::uint8_t{0});
    return Host(network);
}

}  // namespace kp2p
