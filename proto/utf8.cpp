#include "proto/utf8.hpp"

#include <cassert>
#include <cstddef>

namespace kp2p::proto {
namespace {

struct Form {  // a lead byte's bits, and the smallest value that needs so many bytes
    unsigned char mask, lead;
    std::size_t size_bytes;
    char32_t least;
};
constexpr Form forms[] = {
    {0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};

std::optional<char32_t> decode(std::string_view text, const Form& form) {
    if (text.size() < form.size_bytes) return std::nullopt;
    char32_t code = static_cast<unsigned char>(text[0]) & static_cast<unsigned char>(~form.mask);
    for (std::size_t i = 1; i < form.size_bytes; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xc0) != 0x80) return std::nullopt;
        code = code << 6 | (byte & 0x3f);
    }
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    if (code < form.least || code > 0x10ffff || surrogate) return std::nullopt;
    return code;
}

}  // namespace

std::optional<char32_t> take_code_point(std::string_view& rest) {
    assert(!rest.empty());
    for (const Form& form : forms) {
        if ((static_cast<unsigned char>(rest[0]) & form.mask) != form.lead) continue;
        const auto code = decode(rest, form);
        rest.remove_prefix(code ? form.size_bytes : 1);
        return code;
    }
    rest.remove_prefix(1);
    return std::nullopt;
}

bool is_utf8(std::string_view text) {
    while (!text.empty())
        if (!take_code_point(text)) return false;
    return true;
}

}  // namespace kp2p::proto
