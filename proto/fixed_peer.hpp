// FixedPeer: a node that was named to us with a place where it listens on TCP, so that no DHT is
// needed to reach it.
#pragma once

#include <string>
#include <string_view>

#include "proto/bytes.hpp"
#include "proto/result.hpp"

namespace kp2p {

struct FixedPeer {
    NodeId node;
    std::string host;  // a name or an address
    std::uint16_t port = 0;

    // "NODE@HOST:PORT": the node's key in hex; HOST is a name, an IPv4 address, or an IPv6 address
    // in brackets. Anything else is proto::Errc::bad_text.
    static Result<FixedPeer> parse(std::string_view text);
    std::string place() const;  // "HOST:PORT"
};

}  // namespace kp2p
