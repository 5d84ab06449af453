// Paths of the user's, which may hold any bytes, on their way to the daemon and into JSON.
#pragma once

#include <filesystem>

#include "proto/json.hpp"
#include "proto/result.hpp"

namespace kp2p::client {

// The path as one with another working directory names it. std::errc::invalid_argument for an empty
// one; the system's error where the working directory is gone.
Result<std::filesystem::path> absolute(const std::filesystem::path& path);

// The member "path" of an object, and where it is no UTF-8, so that "path" cannot say it, its bytes
// as "path_hex".
void add_path(proto::JsonWriter& json, const std::filesystem::path& path);

}  // namespace kp2p::client
