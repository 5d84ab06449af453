// BootstrapNode: where a DHT network is entered. Its text is "HOST:PORT", "IP@HOST:PORT" (the
// address is tried first, the name asked only when it does not answer), or a bare port of this
// machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/endpoint.hpp"

namespace kp2p {

struct BootstrapNode {
    std::optional<Endpoint> address;  // known, or only suggested when there is a name
    std::string host;                 // a name to resolve; empty when the address is certain
    std::uint16_t port = 0;
};

// proto::Errc::bad_text for what is no such text.
Result<BootstrapNode> parse_bootstrap(std::string_view text);

}  // namespace kp2p
