// The node behind kp2p-bootstrap: a DHT node that is persistent from the start, so that a private
// network needs no other. It answers, stores and relays; it knows nothing of files.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proto/endpoint.hpp"

namespace kp2p {

// Runs until SIGTERM or SIGINT. `bind` is the address to bind; port 0 takes a free one. Host
// 0.0.0.0 binds all, and is known to others by the address that this machine uses towards them.
// `others` are nodes of the same network, HOST:PORT each; it enters through them, if there are any.
// `ready` is called once with the address under which others enter the network.
// Errc::port_in_use when the port is taken, Errc::usage when one of the others is no HOST:PORT.
Result<void> run_bootstrap(const Endpoint& bind, const std::vector<std::string>& others,
                           std::string& why, std::function<void(const Endpoint&)> ready);

}  // namespace kp2p
