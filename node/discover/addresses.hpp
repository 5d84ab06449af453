// Where the peers are that were named to us.
#pragma once

#include <vector>

#include "node/async/asio.hpp"
#include "proto/endpoint.hpp"
#include "proto/fixed_peer.hpp"

namespace kp2p {

// Of its host, at its port; none if the name has none just now. Resolving runs in a thread of
// asio's own.
Task<std::vector<Endpoint>> addresses_of(FixedPeer peer);

}  // namespace kp2p
