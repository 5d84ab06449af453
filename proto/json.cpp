#include "proto/json.hpp"

#include <array>
#include <charconv>

#include "proto/utf8.hpp"

namespace kp2p::proto {

JsonWriter& JsonWriter::begin_object() { return open('{'); }

JsonWriter& JsonWriter::end_object() { return close('}'); }

JsonWriter& JsonWriter::begin_array() { return open('['); }

JsonWriter& JsonWriter::end_array() { return close(']'); }

JsonWriter& JsonWriter::key(std::string_view name) {
    separate();
    quote(name);
    text_ += style_ == Style::python ? ": " : ":";
    return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
    separate();
    quote(text);
    comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::value(double number) {
    std::array<char, 400> digits;  // the longest double in fixed notation has 327
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number,
                                   std::chars_format::fixed);
    std::string text(digits.data(), end.ptr);
    // An integer that needs more than 64 bits is none to most readers.
    if (text.find('.') == std::string::npos) text += ".0";
    return literal(text);
}

JsonWriter& JsonWriter::literal(std::string_view text) {
    separate();
    text_ += text;
    comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::open(char bracket) {
    separate();
    text_ += bracket;
    return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
    text_ += bracket;
    comma_ = true;
    return *this;
}

void JsonWriter::separate() {
    if (comma_) text_ += style_ == Style::python ? ", " : ",";
    comma_ = false;
}

void JsonWriter::quote(std::string_view text) {
    text_ += '"';
    while (!text.empty()) {
        const std::string_view before = text;
        const auto code = take_code_point(text);
        if (code)
            code_point(*code, before.substr(0, before.size() - text.size()));
        else
            code_point(0xfffd, "\xef\xbf\xbd");
    }
    text_ += '"';
}

void JsonWriter::escape(char16_t unit) {
    constexpr char hex[] = "0123456789abcdef";
    text_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) text_ += hex[unit >> shift & 15];
}

void JsonWriter::code_point(char32_t code, std::string_view bytes) {
    switch (code) {
        case '"':
            text_ += "\\\"";
            return;
        case '\\':
            text_ += "\\\\";
            return;
        case '\b':
            text_ += "\\b";
            return;
        case '\f':
            text_ += "\\f";
            return;
        case '\n':
            text_ += "\\n";
            return;
        case '\r':
            text_ += "\\r";
            return;
        case '\t':
            text_ += "\\t";
            return;
        default:
            break;
    }
    const bool ascii_only = style_ == Style::python;
    if (code >= 0x20 && (code < 0x7f || !ascii_only)) {
        text_ += bytes;
    } else if (code < 0x10000) {
        escape(static_cast<char16_t>(code));
    } else {
        escape(static_cast<char16_t>(0xd800 + ((code - 0x10000) >> 10)));
        escape(static_cast<char16_t>(0xdc00 + ((code - 0x10000) & 0x3ff)));
    }
}

}  // namespace kp2p::proto
