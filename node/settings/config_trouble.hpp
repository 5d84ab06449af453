// How a configuration directory is made, and what is said of one that cannot be made, or written
// to.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include "proto/result.hpp"

namespace kp2p {

// The usual one, in the home directory.
inline constexpr const char* usual_config_dir_name = ".kachery-p2p";

// Makes a directory for its owner alone in one that is there. std::errc::file_exists,
// std::errc::no_such_file_or_directory.
using MakeDirectory = Result<void> (*)(const std::filesystem::path& dir);
Result<void> make_private_directory(const std::filesystem::path& dir);  // and no more than that

// With what is missing above it. No home directory: one that is not there is not mounted, or there
// is none. One that is there stays as it is. Blocking.
Result<void> make_config_dir(const std::filesystem::path& dir,
                             MakeDirectory make = make_private_directory);

// Why this file in it could not be opened to write: about the directory, and what to do, unless the
// file itself is why. Blocking, as file systems are.
std::string config_trouble(const std::filesystem::path& file, std::error_code error);

}  // namespace kp2p
