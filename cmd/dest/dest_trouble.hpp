// Words for why nothing can be put at a destination.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

namespace kp2p {

// For Command::failure(): the path, and behind what the system says, if it can be told, what is in
// the way and what helps. Looks at the file system, and blocks with it.
std::string dest_trouble(const std::filesystem::path& dest, std::error_code error);
// The same once all of it lies beside `dest`.
std::string replacing_trouble(const std::filesystem::path& dest, std::error_code error);
// Why `name`, of a directory that is loaded to `dest`, cannot be made there.
std::string naming_trouble(const std::filesystem::path& dest, const std::filesystem::path& name,
                           std::error_code error);

}  // namespace kp2p
