// Where the peers are that were named to us.
#pragma once

#include <vector>

#include "node/async/clock.hpp"
#include "proto/endpoint.hpp"
#include "proto/fixed_peer.hpp"

namespace kp2p {

// Of its host, at its port; errors as hosts_of().
Task<Result<std::vector<Endpoint>>> addresses_of(Clock& clock, FixedPeer peer);

}  // namespace kp2p
