// What addresses are good for, and which of two lists share a LAN. Source: npm bogon,
// hyperdht 6.34.0 (lib/holepuncher.js matchAddress).
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "proto/dht/wire/id.hpp"

namespace kp2p::proto::dht {

bool is_private(const Endpoint& address);   // works on a LAN, or on this machine
bool is_reserved(const Endpoint& address);  // works nowhere
inline bool is_bogon(const Endpoint& address) {
    return is_private(address) || is_reserved(address);
}

struct LanMatch {
    std::span<const Endpoint> ours, theirs;
};
// The remote address that shares most leading bytes (1 to 3 count) with one of ours.
std::optional<Endpoint> match_address(const LanMatch& lists);

// The address blob that names a server: key:32 [flags:uint [relays:array<addr4> if 1]].
struct HyperdhtAddress {
    NodeId key;
    std::optional<std::vector<Endpoint>> relays;

    friend bool operator==(const HyperdhtAddress&, const HyperdhtAddress&) = default;
    ByteVector encode() const;
    static Result<HyperdhtAddress> decode(ByteView bytes);
};

}  // namespace kp2p::proto::dht
