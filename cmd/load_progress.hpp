// What the daemon tells of a load (node/api/API.md, "progress"), as a bar shows it.
#pragma once

#include "node/client/daemon.hpp"
#include "node/client/progress_line.hpp"
#include "proto/file/uri.hpp"

namespace kp2p {

client::Progress progress_of(const client::Answer& event, const proto::Uri& uri);

}  // namespace kp2p
