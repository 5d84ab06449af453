// Endpoint: an IPv4 host and a UDP or TCP port. Hyperswarm is IPv4 only.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace kp2p {

struct Endpoint {
    std::array<std::uint8_t, 4> host{};  // in dotted order
    std::uint16_t port = 0;

    static Endpoint loopback(std::uint16_t port) { return {{127, 0, 0, 1}, port}; }
    // "1.2.3.4:5678"; anything else, names included, is proto::Errc::bad_text.
    static Result<Endpoint> parse(std::string_view text);
    std::string host_text() const;  // "1.2.3.4"
    std::string text() const;       // "1.2.3.4:5678"

    friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

struct EndpointHash {
    std::size_t operator()(const Endpoint& e) const {
        const std::uint64_t word = std::uint64_t{e.host[0]} << 40 | std::uint64_t{e.host[1]} << 32 |
                                   std::uint64_t{e.host[2]} << 24 | std::uint64_t{e.host[3]} << 16 |
                                   e.port;
        return std::hash<std::uint64_t>()(word * 0x9e3779b97f4a7c15u);
    }
};

}  // namespace kp2p
