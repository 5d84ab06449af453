// put_paths: what kp2p-store and kp2p-link do: put each PATH into the storage and print its URI.
#pragma once

#include "node/client/command.hpp"
#include "node/store/put/intake.hpp"

namespace kp2p {

// The exit status. Declares PATH and the options, and runs the command, until a signal if one
// comes. What is copied may also come from standard input, as "-".
int put_paths(client::Command& command, PutOptions::Content content, int argc, char** argv);

}  // namespace kp2p
