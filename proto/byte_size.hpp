// Numbers of bytes as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/outcome.hpp"
#include "proto/result.hpp"

namespace kp2p::proto {

// "1500", "20M", "1.5 GB", "4GiB": a number, with a point or without, and a unit: k, M, G, T or P,
// of 1000 each, or Ki, Mi, ..., of 1024 each; a "B" may follow.
struct ByteSize {
    std::uint64_t bytes = 0;
    static Result<ByteSize> parse(std::string_view text, std::string& complaint);
};

// Three digits or so, in units of 1000: "999 B", "1.50 GB", "20.0 MB".
std::string size_words(std::uint64_t bytes);
// Of things whose plural has an "s": "1 file", "2 files".
std::string count_words(std::uint64_t count, std::string_view thing);

}  // namespace kp2p::proto
