// Host: an IPv4 or IPv6 address, one type for both. Kept as 16 bytes, IPv4 as IPv4-mapped IPv6
// (::ffff:a.b.c.d), so the two spellings of one IPv4 address are one value. A link-local IPv6
// address means something only together with an interface, its zone, and leads nowhere without.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace kp2p {

// What an address is good for. Source: the IANA registries of special-purpose addresses.
enum class HostKind {
    global,       // of the Internet
    unspecified,  // 0.0.0.0/8, ::
    loopback,     // 127.0.0.0/8, ::1
    link_local,   // 169.254.0.0/16, fe80::/10
    site,         // 10/8, 172.16/12, 192.168/16; unique local fc00::/7
    shared,       // 100.64.0.0/10, behind a provider's NAT
    multicast,    // 224.0.0.0/4, ff00::/8
    reserved,     // documentation, benchmarks, and what is given to nobody
};

class Host {
  public:
    constexpr Host() = default;  // 0.0.0.0
    constexpr Host(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d)
        : bytes_{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d} {}
    constexpr Host(const std::array<std::uint8_t, 4>& v4) : Host(v4[0], v4[1], v4[2], v4[3]) {}
    explicit constexpr Host(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}

    // "1.2.3.4" or "2001:db8::1", without brackets; anything else is proto::Errc::bad_text.
    static Result<Host> parse(std::string_view text);
    std::string text() const;  // IPv6 as RFC 5952 has it, with its zone

    constexpr bool is_v4() const {
        for (std::size_t i = 0; i < 10; ++i)
            if (bytes_[i] != 0) return false;
        return bytes_[10] == 0xff && bytes_[11] == 0xff;
    }
    // Requires is_v4().
    constexpr std::array<std::uint8_t, 4> v4() const {
        return {bytes_[12], bytes_[13], bytes_[14], bytes_[15]};
    }
    constexpr const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

    // The number of the interface at which a link-local IPv6 address is; 0: none is known. Only
    // this computer knows it by that. It is kept where such an address has zeroes.
    std::uint32_t zone() const;
    Host with_zone(std::uint32_t zone) const;  // any other address stays as it is

    HostKind kind() const;
    bool is_unspecified() const { return *this == Host() || *this == any_v6(); }
    bool is_loopback() const { return kind() == HostKind::loopback; }
    // What one customer of a provider has at least, and so whom to count a stranger as: an IPv4
    // address itself, of IPv6 the /64.
    Host subscriber() const;

    static constexpr Host any_v6() { return Host(std::array<std::uint8_t, 16>{}); }
    static constexpr Host loopback_v6() {
        return Host(std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    }

    friend constexpr auto operator<=>(const Host&, const Host&) = default;

  private:
    std::array<std::uint8_t, 16> bytes_{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
};

}  // namespace kp2p
