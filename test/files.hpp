// Files of a test: written, read and listed whole.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "proto/bytes.hpp"

namespace kp2p::test {

inline void write_file(const std::filesystem::path& path, ByteView bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << as_text(bytes);
}
inline void write_file(const std::filesystem::path& path, std::string_view text) {
    write_file(path, as_bytes(text));
}

// Empty for a file that is not there. In one piece, as a build for tests does not optimise what
// goes byte by byte.
inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    const auto size = file.tellg();
    std::string all(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
    file.seekg(0).read(all.data(), static_cast<std::streamsize>(all.size()));
    return all;
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
