// HttpHead: the head of a request or of its answer, before a connection becomes something else:
// that is all the HTTP that a tunnel needs. Boost.Beast reads it, and is seen in http_head.cpp
// alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/bytes.hpp"

namespace kp2p {

struct HttpHead {
    static constexpr std::size_t max_bytes = 8 << 10;

    std::string method, target;  // of a request
    int status = 0;              // of an answer
    std::vector<std::pair<std::string, std::string>> fields;

    // The value of the first field of this name, whatever its case; empty if there is none.
    std::string_view field(std::string_view name) const;
    // Whether a field holds the word, among others with commas between them, whatever its case.
    bool has_word(std::string_view name, std::string_view word) const;
};

enum class HttpSide { request, answer };

struct ParsedHead {
    HttpHead head;
    std::size_t bytes = 0;  // that it takes of those given
};
// Nothing: it is not whole yet. proto::Errc::too_long, proto::Errc::bad_text.
Result<std::optional<ParsedHead>> parse_head(HttpSide side, ByteView bytes);

}  // namespace kp2p
