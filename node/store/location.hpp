// Where the storage is: `flag` if it was given, else $KACHERY_STORAGE_DIR, else ~/kachery-storage.
// The first two must exist; the last is made. Errc::storage_unavailable, and `complaint` gets a
// sentence that says what is missing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "proto/outcome.hpp"
#include "proto/result.hpp"

namespace kp2p {

Result<std::filesystem::path> locate_storage(const std::optional<std::filesystem::path>& flag,
                                             std::string& complaint);

}  // namespace kp2p
