// Under which address others reach a socket of ours, as far as that can be told without asking
// them.
#pragma once

#include "node/async/asio.hpp"
#include "proto/endpoint.hpp"

namespace kp2p {

// One that is bound to every address of this machine is reached at that which our packets carry
// when they leave it; at loopback when none can.
Endpoint own_address(const Endpoint& bound, Executor executor);

}  // namespace kp2p
