// What is said of a configuration directory that cannot be made, or written to.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

namespace kp2p {

// Why this file in it could not be opened to write: about the directory, and what to do, unless the
// file itself is why. Blocking, as file systems are.
std::string config_trouble(const std::filesystem::path& file, std::error_code error);

}  // namespace kp2p
