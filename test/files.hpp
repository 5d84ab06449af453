// Files of a test: written, read and listed whole.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "proto/bytes.hpp"

namespace kp2p::test {

// Also over one that is read-only.
inline void write_file(const std::filesystem::path& path, ByteView bytes) {
    namespace fs = std::filesystem;
    fs::create_directories(path.parent_path());
    std::error_code absent;
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add, absent);
    std::ofstream(path, std::ios::binary) << as_text(bytes);
}
inline void write_file(const std::filesystem::path& path, std::string_view text) {
    write_file(path, as_bytes(text));
}

// Empty for a file that is not there. In one piece, as a build for tests does not optimise what
// goes byte by byte.
inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::error_code no_size;  // of a pipe
    const auto size = std::filesystem::file_size(path, no_size);
    std::string all(no_size ? 0 : size, '\0');
    file.read(all.data(), static_cast<std::streamsize>(all.size()));
    std::ostringstream rest;
    rest << file.rdbuf();
    return all += rest.str();
}

// Every file below `path`, sorted, relative to it.
inline std::vector<std::string> files_below(const std::filesystem::path& path) {
    std::vector<std::string> names;
    if (!std::filesystem::exists(path)) return names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
        if (!entry.is_directory()) names.push_back(entry.path().lexically_relative(path));
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace kp2p::test
