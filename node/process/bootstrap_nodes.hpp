// The settings' words for where the network is entered, as nodes.
#pragma once

#include "node/dht/bootstrap.hpp"
#include "node/settings/settings.hpp"

namespace kp2p {

std::vector<BootstrapNode> bootstrap_nodes(const Settings& settings);

// Whether it is the persistent node of a private network, at which others enter that.
bool is_first(const Settings& settings);

}  // namespace kp2p
