// UTF-8, one code point at a time.
#pragma once

#include <optional>
#include <string_view>

namespace kp2p::proto {

// Takes the first code point off `rest`. Where the bytes are no UTF-8 (overlong forms, surrogates
// and values past U+10FFFF included) it takes one byte and returns nothing. `rest` must not be
// empty.
std::optional<char32_t> take_code_point(std::string_view& rest);

bool is_utf8(std::string_view text);

}  // namespace kp2p::proto
