// What is asked in a daemon's place where none runs.
#pragma once

#include <functional>

#include "proto/result.hpp"

namespace kp2p::client {

// Serves the API (node/api/API.md) on a socket of this process until the other end is closed. Takes
// the descriptor, also when it fails: Errc::no_daemon when there is nothing to ask.
using StandIn = std::function<Result<void>(int descriptor)>;

}  // namespace kp2p::client
