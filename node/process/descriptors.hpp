// How many files and sockets the process may hold open at once.
#pragma once

#include <string>

#include "proto/result.hpp"

namespace kp2p {

// The usual soft limit is less than what all connections with all their files open need. As far as
// the system allows; says so in the log where that is little. Errc::limit_reached, with the reason
// in `why`, where that is too little to answer anybody.
Result<void> allow_many_descriptors(std::string& why);

}  // namespace kp2p
