// What no code of ours catches: no memory, no more threads, or a bug.
#pragma once

#include <string>

namespace kp2p::client {

// From now on such an end of the process says why in a sentence on stderr, if that can be done
// without waiting, and gives the exit status 1; a bug leaves a core, as ever.
void say_what_nobody_catches(std::string program);

}  // namespace kp2p::client
