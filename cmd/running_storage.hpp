// Which storage the daemon of a configuration serves, as it has written down.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "node/client/config.hpp"

namespace kp2p {

// If it runs and serves another than `storage`; nothing if that cannot be told.
std::optional<std::filesystem::path> storage_of_daemon(const client::Config& config,
                                                       const std::filesystem::path& storage);

// That so much was stored in `storage`, if it is the one that it serves: its cache may have to give
// way.
void tell_daemon(const client::Config& config, const std::filesystem::path& storage,
                 std::uint64_t stored_bytes);

}  // namespace kp2p
