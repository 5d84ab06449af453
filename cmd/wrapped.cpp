#include "cmd/wrapped.hpp"

#include <algorithm>

namespace kp2p {
namespace {

constexpr std::size_t columns = 80;

// In code points, as far as UTF-8 goes.
std::size_t width_of(std::string_view text) {
    return std::size_t(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

std::string wrapped(std::string_view label, std::size_t indent, std::string_view words) {
    std::string text(label);
    text.append(indent - std::min(indent, label.size()), ' ');
    std::size_t column = indent;
    bool begun = false;  // the line has a word
    const auto new_line = [&] {
        text += "\n" + std::string(indent, ' ');
        column = indent;
        begun = false;
    };
    while (!words.empty()) {
        const std::size_t end = std::min(words.find_first_of(" \n"), words.size());
        const std::string_view word = words.substr(0, end);
        const std::size_t width = width_of(word);
        if (begun && column + 1 + width > columns) new_line();
        if (begun) text += ' ';
        column += width + (begun ? 1 : 0);
        text += word;
        begun = true;
        if (end < words.size() && words[end] == '\n') new_line();
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return text;
}

}  // namespace kp2p
