// Mapping: ports that the router in front of us forwards to ours.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/endpoint.hpp"

namespace kp2p {

struct MappingWish {
    Host local;  // as our sockets are bound; unspecified: to all of this machine
    std::uint16_t udp_port = 0, tcp_port = 0;                    // ours; 0: none
    std::uint16_t external_udp_port = 0, external_tcp_port = 0;  // rather these than others
    std::uint16_t spare_port = 0;  // this, and a few behind it, if these are taken
};

struct Mapping {
    enum class Method { upnp, nat_pmp };

    Method method = Method::upnp;
    std::string router;  // its address, for people
    Host external;       // as the router says, which may be wrong, or itself behind another NAT
    std::uint16_t udp_port = 0, tcp_port = 0;  // there; 0: not forwarded
    std::chrono::seconds lifetime{};           // from now; zero: the router knows of no end

    // Where we may be reached because of it; none if that is no address of the Internet.
    std::optional<Endpoint> udp() const { return at(udp_port); }
    std::optional<Endpoint> tcp() const { return at(tcp_port); }

  private:
    std::optional<Endpoint> at(std::uint16_t port) const {
        if (port == 0 || external.kind() != HostKind::global) return std::nullopt;
        return Endpoint{external, port};
    }
};

// "UPnP", "NAT-PMP".
std::string_view name_of(Mapping::Method method);
// A sentence for people.
std::string sentence_of(const Mapping& mapping);

}  // namespace kp2p
