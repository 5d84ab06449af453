// The addresses of this computer's interfaces.
#pragma once

#include <vector>

#include "proto/host.hpp"

namespace kp2p {

// Of interfaces that are up, both families; neither loopback nor, of IPv6, link-local ones. At most
// 32.
std::vector<Host> interface_hosts();

}  // namespace kp2p
