// How a relay is reached from here: directly, or through the proxy that the environment names.
#pragma once

#include "node/tunnel/opened_tunnel.hpp"

namespace kp2p {

// By https_proxy or HTTPS_PROXY, unless no_proxy or NO_PROXY names the host. Errc::usage, with the
// reason in `why`, for a proxy that makes no sense.
Result<RelayRoute> relay_route(proto::tunnel::RelayUrl url, std::string& why);

}  // namespace kp2p
