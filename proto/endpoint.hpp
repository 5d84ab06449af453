// Endpoint: an IPv4 or IPv6 host and a UDP or TCP port.
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "proto/host.hpp"
#include "proto/result.hpp"

namespace kp2p {

struct Endpoint {
    Host host;
    std::uint16_t port = 0;

    static Endpoint loopback(std::uint16_t port) { return {{127, 0, 0, 1}, port}; }
    // "1.2.3.4:5678", "[2001:db8::1]:5678"; anything else, names included, is
    // proto::Errc::bad_text.
    static Result<Endpoint> parse(std::string_view text);
    std::string text() const;  // the same, IPv6 as RFC 5952 has it

    friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

struct EndpointHash {
    std::size_t operator()(const Endpoint& e) const {
        std::uint64_t words[2];
        std::memcpy(words, e.host.bytes().data(), sizeof words);
        const std::uint64_t mixed = (words[0] * 0x9e3779b97f4a7c15u + e.port) ^ words[1];
        return std::hash<std::uint64_t>()((mixed ^ mixed >> 32) * 0x9e3779b97f4a7c15u);
    }
};

}  // namespace kp2p
