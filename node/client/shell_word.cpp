#include "node/client/shell_word.hpp"

#include <algorithm>

namespace kp2p::client {
namespace {

bool is_harmless(char c) {
    const bool ascii = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return ascii || static_cast<unsigned char>(c) >= 0x80 ||
           std::string_view("-._+,:/@%").find(c) != std::string_view::npos;
}

}  // namespace

std::string shell_word(std::string_view text) {
    if (!text.empty() && std::ranges::all_of(text, is_harmless)) return std::string(text);
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'')  // ends the quotes, stands for itself, begins them again
            word += "'\\''";
        else
            word += c;
    }
    return word + '\'';
}

}  // namespace kp2p::client
