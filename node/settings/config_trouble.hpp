// Where a configuration directory may be made, and what is said of one that cannot be made, or
// written to.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

namespace kp2p {

// The usual one, in the home directory.
inline constexpr const char* usual_config_dir_name = ".kachery-p2p";

// Whether what is above it may be made with it. A home directory may not: one that is not there is
// not mounted, or there is none.
bool may_make_above(const std::filesystem::path& config_dir);

// Why this file in it could not be opened to write: about the directory, and what to do, unless the
// file itself is why. Blocking, as file systems are.
std::string config_trouble(const std::filesystem::path& file, std::error_code error);

}  // namespace kp2p
