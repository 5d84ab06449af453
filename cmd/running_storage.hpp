// Which storage the daemon of a configuration serves, as it has written down.
#pragma once

#include <filesystem>
#include <optional>

#include "node/client/config.hpp"

namespace kp2p {

// If it runs and serves another than `storage`; nothing if that cannot be told.
std::optional<std::filesystem::path> storage_of_daemon(const client::Config& config,
                                                       const std::filesystem::path& storage);

}  // namespace kp2p
