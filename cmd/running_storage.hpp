// Which storage the daemon of a configuration serves, as it has written down.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "node/client/config.hpp"

namespace kp2p {

struct ServedStorage {
    std::filesystem::path path;
    bool is_ours = false;  // the one that was asked about
};
// If a daemon runs; nothing if it cannot be told whether it serves `ours`.
std::optional<ServedStorage> served_storage(const client::Config& config,
                                            const std::filesystem::path& ours);

// That so much was stored in what it serves: its cache may have to give way.
void tell_daemon(const client::Config& config, std::uint64_t stored_bytes);

}  // namespace kp2p
