// put_paths: what kp2p-store and kp2p-link do: put each PATH into the storage and print its URI.
// They differ in `options`, which say where the content stays.
#pragma once

#include "node/client/command.hpp"
#include "node/store/put/intake.hpp"

namespace kp2p {

// The exit status. Declares PATH and --bare, and runs the command, until a signal if one comes.
int put_paths(client::Command& command, PutOptions options, int argc, char** argv);

}  // namespace kp2p
