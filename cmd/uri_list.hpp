// URIs from a file.
#pragma once

#include <string>
#include <vector>

#include "node/client/command.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

// One a line; "-": standard input. Empty lines and those that begin with "#" are skipped. Errors
// come with their words, and name the line.
Result<std::vector<proto::Uri>> read_uris(client::Command& command, const std::string& file);

}  // namespace kp2p
