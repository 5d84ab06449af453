// Which addresses a node of this machine has: where it is bound, and under which others reach it,
// as far as that can be told without asking them.
#pragma once

#include <optional>

#include "node/async/asio.hpp"
#include "proto/endpoint.hpp"

namespace kp2p {

// Where it is to be bound: as wished, else to all addresses, :: where the system has IPv6.
Host host_to_bind(const std::optional<Host>& wished, Executor executor);

// One that is bound to every address of this machine is reached at that which our packets carry
// when they leave it; at loopback when none can.
Endpoint own_address(const Endpoint& bound, Executor executor);

}  // namespace kp2p
