#include "proto/lookup/lan_announcement.hpp"

#include <algorithm>
#include <map>

#include "proto/crypto/hash.hpp"
#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

constexpr std::size_t tag_digits = 2 * LanTag::size_bytes;
constexpr std::size_t max_txt_string = 255;
static_assert(2 + lan_tags * tag_digits <= max_txt_string);

void add(ByteVector& txt, const std::string& text) {
    txt.push_back(static_cast<std::uint8_t>(text.size()));
    txt.insert(txt.end(), text.begin(), text.end());
}

using Values = std::map<std::string, std::string, std::less<>>;

Result<Values> values_of(ByteView txt) {
    Values values;
    if (txt.size() > max_lan_txt_bytes) return Errc::too_long;
    while (!txt.empty()) {
        const std::size_t length = txt.front();
        if (length >= txt.size()) return Errc::truncated;
        const std::string text(txt.begin() + 1, txt.begin() + 1 + std::ptrdiff_t(length));
        txt = txt.subspan(1 + length);
        if (const auto split = text.find('='); split != text.npos)
            values.emplace(text.substr(0, split), text.substr(split + 1));
    }
    return values;
}

}  // namespace

bool LanAnnouncement::shows(const ChannelKey& channel) const {
    return std::ranges::find(tags, lan_tag(channel, salt, node)) != tags.end();
}

LanTag lan_tag(const ChannelKey& channel, const LanSalt& salt, const NodeId& node) {
    const Hash32 hash =
        keyed_blake2b_256(channel.view(), as_bytes("kp2p lan"), salt.view(), node.view());
    return LanTag(hash.view().first<LanTag::size_bytes>());
}

ByteVector encode(const LanAnnouncement& announcement) {
    ByteVector txt;
    add(txt, "v=1");
    add(txt, "n=" + announcement.node.hex());
    add(txt, "s=" + announcement.salt.hex());
    std::string tags = "c=";
    for (const LanTag& tag : announcement.tags) tags += tag.hex();
    add(txt, tags);
    return txt;
}

Result<LanAnnouncement> decode_lan_announcement(ByteView txt) {
    const auto values = values_of(txt);
    if (!values) return values.error();
    const auto value = [&](std::string_view key) {
        const auto found = values->find(key);
        return found == values->end() ? std::string_view() : std::string_view(found->second);
    };
    const auto node = NodeId::from_hex(value("n"));
    const auto salt = LanSalt::from_hex(value("s"));
    const std::string_view tags = value("c");
    if (value("v") != "1" || !node || !salt || tags.size() != lan_tags * tag_digits)
        return Errc::bad_text;
    LanAnnouncement announcement{*node, *salt, {}};
    for (std::size_t i = 0; i < lan_tags; ++i) {
        const auto tag = LanTag::from_hex(tags.substr(i * tag_digits, tag_digits));
        if (!tag) return tag.error();
        announcement.tags[i] = *tag;
    }
    return announcement;
}

}  // namespace kp2p::proto
