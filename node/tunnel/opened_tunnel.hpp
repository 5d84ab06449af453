// From the URL of a relay to a port of our own there: through the proxy, if there is one, over TLS,
// by a request that is upgraded.
#pragma once

#include "node/async/clock.hpp"
#include "node/tunnel/impostor.hpp"
#include "node/tunnel/web_stream.hpp"
#include "proto/tunnel/frame.hpp"
#include "proto/tunnel/web_address.hpp"

namespace kp2p {

struct RelayRoute {
    proto::tunnel::RelayUrl url;
    std::optional<proto::tunnel::Proxy> proxy = {};
};

struct OpenedTunnel {
    std::unique_ptr<WebStream> stream;
    std::unique_ptr<proto::tunnel::FrameReader> frames;
    proto::tunnel::Allocated allocated;
};

// Gets the port of `again` back, if the relay lets it. Errc::timed_out after some seconds; any
// other error with what failed in `why`.
Task<Result<OpenedTunnel>> open_tunnel(Clock& clock, RelayRoute route,
                                       std::optional<proto::tunnel::Allocated> again,
                                       TunnelTrouble& why);

}  // namespace kp2p
