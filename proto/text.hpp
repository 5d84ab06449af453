// What the parsers of URIs, URLs and invitations share: percent-encoding (RFC 3986, section 2.1),
// letters whose case does not count, and blanks and quotes around what was pasted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/bytes.hpp"

namespace kp2p::proto {

// The byte that `text` begins with as "%XX".
std::optional<std::uint8_t> percent_byte(std::string_view text);
// With each "%XX" resolved; Errc::bad_text for a "%" that begins none.
Result<std::string> percent_decoded(std::string_view text);
void add_percent(std::string& out, char byte);  // as "%XX"

// ASCII letters alone are alike in both cases, as in names of hosts.
std::string in_lower_case(std::string_view text);

std::string_view without_blanks_around(std::string_view text);
// Nor the quotes, or the < and >, that something stands in which was pasted with them.
std::string_view without_quotes_around(std::string_view text);

}  // namespace kp2p::proto
