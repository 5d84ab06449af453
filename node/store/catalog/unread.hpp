// Unread: directories of the storage whose names could not be read, of which a list is short.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "node/store/disk/disk.hpp"

namespace kp2p {

struct Unread {
    std::string first;  // "PATH: why"
    std::size_t more = 0;

    void note(const std::filesystem::path& directory, std::error_code error) {
        if (first.empty())
            first = directory.string() + ": " + error.message();
        else
            ++more;
    }
    // A sentence, empty where everything was read.
    std::string words() const {
        return more == 0 ? first : first + ", and of " + std::to_string(more) + " more as well";
    }
};

// What a directory has. One that is not there has nothing.
inline std::vector<std::string> names_in(const std::filesystem::path& directory, Unread* unread) {
    std::error_code error;
    auto names = disk().names(directory, error);
    const bool absent =
        error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
    if (unread && error && !absent) unread->note(directory, error);
    return names;
}

}  // namespace kp2p
