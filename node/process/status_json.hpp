// What the daemon answers to who asks how it is: node/api/API.md.
#pragma once

#include "node/node.hpp"

namespace kp2p {

std::string status_json(const NodeStatus& status, Clock::Time now, std::uint16_t api_port);
std::string doctor_json(const NodeHealth& health, Clock::Time now);

}  // namespace kp2p
