// What kp2p-store takes as it comes, since it has no size before it was read.
#pragma once

#include <string>

#include "node/client/command.hpp"
#include "node/store/store.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

// A FIFO, as <(...) is one, and what the kernel makes up while it is read.
bool is_stream(const std::string& path);
// One of these, or "-": standard input. Errc::canceled when a signal comes while nothing else does.
Result<proto::Uri> put_stream(client::Command& command, const Store& store, const std::string& path,
                              const PutOptions& options);

}  // namespace kp2p
