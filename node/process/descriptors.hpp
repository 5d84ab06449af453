// How many files and sockets the process may hold open at once.
#pragma once

namespace kp2p {

// The usual soft limit is less than what all connections with all their files open need. As far as
// the system allows; says so in the log where that is little.
void allow_many_descriptors();

}  // namespace kp2p
