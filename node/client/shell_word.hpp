// Words for a shell.
#pragma once

#include <string>
#include <string_view>

namespace kp2p::client {

// `text` as one word, in single quotes where any of sh, bash, zsh or fish would take it for
// something else: a "?" is a pattern to them, and zsh and fish complain of one that fits nothing.
std::string shell_word(std::string_view text);

}  // namespace kp2p::client
