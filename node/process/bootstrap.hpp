// Where a network is entered, and the node behind kp2p-bootstrap, at which a private one is: a DHT
// node that is persistent from the start, so that there need be no other. It answers, stores and
// relays; it knows nothing of files.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "node/dht/bootstrap.hpp"
#include "node/settings/settings.hpp"
#include "proto/endpoint.hpp"

namespace kp2p {

// Runs until SIGTERM or SIGINT. `bind` is the address to bind; port 0 takes a free one. Host
// 0.0.0.0 binds all, and is known to others by the address that this machine uses towards them.
// `others` are nodes of the same network, HOST:PORT each; it enters through them, if there are any.
// `ready` is called once with the address under which others enter the network.
// Errc::port_in_use when the port is taken, Errc::usage when one of the others is no HOST:PORT.
Result<void> run_bootstrap(const Endpoint& bind, const std::vector<std::string>& others,
                           std::string& why, std::function<void(const Endpoint&)> ready);

// The settings' words for where the network is entered, as nodes.
std::vector<BootstrapNode> bootstrap_nodes(const Settings& settings);

// Whether it is the persistent node of a private network, at which others enter that.
bool is_first(const Settings& settings);

}  // namespace kp2p
