// pin_uris: what kp2p-pin and kp2p-unpin do.
#pragma once

#include "node/client/command.hpp"

namespace kp2p {

// The exit status. Declares URI, asks `path` of the API for each, and says that it is `done`.
int pin_uris(client::Command& command, const char* path, const char* done, int argc, char** argv);

}  // namespace kp2p
