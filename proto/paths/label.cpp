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

// Control characters, line ends, and what is invisible or turns text around (Unicode's categories
// Cc, Zl, Zp and, of Cf, what programs heed).
bool is_refused(char32_t code) {
    return code < 0x20 || is_between(code, 0x7f, 0x9f) || code == 0xad || code == 0x61c ||
           is_between(code, 0x200b, 0x200f) || is_between(code, 0x2028, 0x202e) ||
           is_between(code, 0x2060, 0x206f) || code == 0xfeff || is_between(code, 0xfff9, 0xfffb) ||
           is_between(code, 0xe0000, 0xe007f);
}

}  // namespace

Result<NodeLabel> NodeLabel::parse(std::string_view text) {
    if (text.empty() || text.size() > max_bytes) return Errc::usage;
    if (text.front() == ' ' || text.back() == ' ') return Errc::usage;
    for (std::string_view rest = text; !rest.empty();) {
        const auto code = proto::take_code_point(rest);
        if (!code || is_refused(*code)) return Errc::usage;
    }
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
