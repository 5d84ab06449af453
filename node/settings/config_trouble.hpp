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

// What root has made in a directory of another user is that user's, who could do nothing with it
// otherwise. What has another name as well was not made there, and stays what it is.
void give_to_owner_of(const std::filesystem::path& directory, int made);

// With what is missing above it. No home directory: one that is not there is not mounted, or there
// is none. One that is there stays as it is. Blocking.
Result<void> make_config_dir(const std::filesystem::path& dir,
                             MakeDirectory make = make_private_directory);

// Why this file in it could not be opened to write: about the directory, and what to do, unless the
// file itself is why. Blocking, as file systems are.
std::string config_trouble(const std::filesystem::path& file, std::error_code error);

// Of this computer, or container.
std::string own_host();
// The other computer, or container, on which the last daemon of this directory was started, if it
// was one; empty if not. Locks may not reach from one to the other. Blocking.
std::string other_host_of_daemon(const std::filesystem::path& dir);
// Whether that daemon has not said that it ended.
bool may_still_run(const std::filesystem::path& dir);
// What to do, as the end of a sentence.
inline constexpr const char* own_config_dir_each =
    ": each computer needs a configuration directory of its own (KACHERY_P2P_CONFIG_DIR)";

}  // namespace kp2p
