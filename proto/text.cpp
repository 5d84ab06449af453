#include "proto/text.hpp"

#include <algorithm>

#include "proto/errc.hpp"

namespace kp2p::proto {

std::optional<std::uint8_t> percent_byte(std::string_view text) {
    if (!text.starts_with('%') || text.size() < 3) return std::nullopt;
    const auto byte = from_hex(text.substr(1, 2));
    if (!byte) return std::nullopt;
    return byte->front();
}

Result<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    while (!text.empty()) {
        const auto byte = percent_byte(text);
        if (!byte && text[0] == '%') return Errc::bad_text;
        decoded += byte ? static_cast<char>(*byte) : text[0];
        text.remove_prefix(byte ? 3 : 1);
    }
    return decoded;
}

std::string in_lower_case(std::string_view text) {
    std::string all(text);
    for (char& c : all)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return all;
}

void add_percent(std::string& out, char byte) {
    constexpr char hex[] = "0123456789ABCDEF";
    const auto value = static_cast<unsigned char>(byte);
    out += {'%', hex[value >> 4], hex[value & 15]};
}

namespace {

// Besides those of ASCII, what pages, chats and editors put around what is copied from them: the
// no-break spaces, the zero-width one, the wide one, and the mark with which a file begins.
constexpr std::string_view blanks[] = {
    " ",
    "\t",
    "\r",
    "\n",
    "\xc2\xa0",
    "\xe2\x80\xaf",
    "\xe2\x80\x8b",
    "\xe3\x80\x80",
    "\xef\xbb\xbf",
};

struct Quotes {
    std::string_view before, after;
};
// As people, mail programs, chats and word processors write them.
constexpr Quotes quotes[] = {
    {"'", "'"},
    {"\"", "\""},
    {"`", "`"},
    {"<", ">"},
    {"(", ")"},
    {"[", "]"},
    {"\xe2\x80\x9c", "\xe2\x80\x9d"},
    {"\xe2\x80\x9e", "\xe2\x80\x9c"},
    {"\xe2\x80\x9e", "\xe2\x80\x9d"},
    {"\xe2\x80\x98", "\xe2\x80\x99"},
    {"\xe2\x80\x9a", "\xe2\x80\x98"},
    {"\xc2\xab", "\xc2\xbb"},
};

}  // namespace

std::string_view without_blanks_around(std::string_view text) {
    const auto strip = [&text](std::string_view blank) {
        const std::size_t before = text.size();
        if (text.starts_with(blank)) text.remove_prefix(blank.size());
        if (text.ends_with(blank)) text.remove_suffix(blank.size());
        return text.size() != before;
    };
    while (std::ranges::any_of(blanks, strip)) {
    }
    return text;
}

std::string_view without_quotes_around(std::string_view text) {
    text = without_blanks_around(text);
    for (const Quotes& pair : quotes) {
        const std::size_t both = pair.before.size() + pair.after.size();
        if (text.size() >= both && text.starts_with(pair.before) && text.ends_with(pair.after))
            return without_blanks_around(text.substr(pair.before.size(), text.size() - both));
    }
    return text;
}

}  // namespace kp2p::proto
