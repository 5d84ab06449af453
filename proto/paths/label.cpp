#include "proto/paths/label.hpp"

#include "proto/compact.hpp"
#include "proto/errc.hpp"
#include "proto/utf8.hpp"

namespace kp2p {
namespace {

constexpr std::size_t shown_digits = 8;

bool is_between(char32_t code, char32_t first, char32_t last) {
    return code >= first && code <= last;
}

// Letters and signs that are drawn as nothing: of Hangul, Khmer, Braille and music.
bool is_filler(char32_t code) {
    return code == 0x115f || code == 0x1160 || code == 0x3164 || code == 0xffa0 || code == 0x2800 ||
           code == 0x17b4 || code == 0x17b5 || is_between(code, 0x1d173, 0x1d17a);
}

// Control characters, line ends, and what is invisible or turns text around (Unicode's categories
// Cc, Zl, Zp and, of Cf, what programs heed).
bool is_refused(char32_t code) {
    return code < 0x20 || is_between(code, 0x7f, 0x9f) || code == 0xad || code == 0x61c ||
           is_between(code, 0x200b, 0x200f) || is_between(code, 0x2028, 0x202e) ||
           is_between(code, 0x2060, 0x206f) || code == 0xfeff || is_between(code, 0xfff9, 0xfffb) ||
           is_between(code, 0xe0000, 0xe007f) || is_filler(code);
}

// Spaces of all widths.
bool is_blank(char32_t code) {
    return code == 0x20 || code == 0xa0 || code == 0x1680 || is_between(code, 0x2000, 0x200a) ||
           code == 0x202f || code == 0x205f || code == 0x3000;
}

// What changes the sign before it, and shows nothing alone.
bool is_selector(char32_t code) {
    return code == 0x34f || is_between(code, 0x180b, 0x180f) || is_between(code, 0xfe00, 0xfe0f) ||
           is_between(code, 0xe0100, 0xe01ef);
}

}  // namespace

Result<NodeLabel> NodeLabel::parse(std::string_view text) {
    if (text.empty() || text.size() > max_bytes) return Errc::usage;
    char32_t last = ' ';
    for (std::string_view rest = text; !rest.empty();) {
        const bool first = rest.size() == text.size();
        const auto code = proto::take_code_point(rest);
        if (!code || is_refused(*code)) return Errc::usage;
        if (first && (is_blank(*code) || is_selector(*code))) return Errc::usage;
        last = *code;
    }
    if (is_blank(last)) return Errc::usage;
    return NodeLabel(text);
}

std::string shown_node(std::string_view hex, std::string_view label) {
    std::string shown(hex.substr(0, shown_digits));
    if (!label.empty()) shown.append(" (").append(label).append(")");
    return shown;
}

std::string described_node(const std::string& hex, std::string_view label) {
    return label.empty() ? hex : shown_node(hex, label) + "  " + hex;
}

}  // namespace kp2p

namespace kp2p::proto {
namespace {

constexpr std::uint64_t label_type = 2;

}  // namespace

Encoded encode(const NodeLabel& label) {
    Writer writer;
    writer.string(label.text());
    return {label_type, writer.take()};
}

Result<NodeLabel> decode_label(std::uint64_t type, ByteView payload) {
    if (type != label_type) return Errc::unknown_type;
    Reader reader(payload);
    const std::string_view text = reader.string();
    if (auto read = reader.finish(); !read) return read.error();
    auto label = NodeLabel::parse(text);
    if (!label) return Errc::bad_text;
    return label;
}

}  // namespace kp2p::proto
