// What the daemon's doctor says (node/api/API.md), for people: a few lines each, of 80 columns.
#pragma once

#include <string>

#include "node/client/daemon.hpp"

namespace kp2p {

std::string describe_check(const client::Answer& check);
std::string describe_peer(const client::Answer& peer);
std::string describe_unreached(const client::Answer& node);
std::string describe_trial(const client::Answer& trial);

}  // namespace kp2p
