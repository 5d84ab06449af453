#include "proto/lookup/lan_announcement.hpp"

#include <doctest/doctest.h>

#include "proto/errc.hpp"

using namespace kp2p;
using namespace kp2p::proto;

namespace {

template <class T>
T filled(std::uint8_t byte) {
    T value;
    for (auto& at : value.mutable_view()) at = byte;
    return value;
}

LanAnnouncement example() {
    LanAnnouncement example{filled<NodeId>(0x11), filled<LanSalt>(0x22), {}};
    for (std::size_t i = 0; i < lan_tags; ++i)
        example.tags[i] = filled<LanTag>(static_cast<std::uint8_t>(i));
    example.tags[3] = lan_tag(filled<ChannelKey>(0x33), example.salt, example.node);
    return example;
}

std::string text_of(const ByteVector& bytes) { return {bytes.begin(), bytes.end()}; }

ByteVector txt_of(std::string_view text) { return {text.begin(), text.end()}; }

}  // namespace

TEST_CASE("an announcement is a TXT record that comes back the same") {
    const ByteVector txt = encode(example());
    std::string tags;
    for (const LanTag& tag : example().tags) tags += tag.hex();
    CHECK(text_of(txt) == "\x03v=1\x42n=" + std::string(64, '1') + "\x22s=" + std::string(32, '2') +
                              "\xf2" + "c=" + tags);
    const auto back = decode_lan_announcement(txt);
    REQUIRE(back);
    CHECK(*back == example());
    for (std::size_t size = 0; size < txt.size(); ++size)
        CHECK(!decode_lan_announcement(ByteView(txt).first(size)));
}

TEST_CASE("only who knows a channel's key finds it in an announcement") {
    CHECK(example().shows(filled<ChannelKey>(0x33)));
    CHECK(!example().shows(filled<ChannelKey>(0x34)));
    LanAnnouncement other = example();  // what another node, or the next announcement, copies
    other.node = filled<NodeId>(0x12);
    CHECK(!other.shows(filled<ChannelKey>(0x33)));
    other = example();
    other.salt = filled<LanSalt>(0x23);
    CHECK(!other.shows(filled<ChannelKey>(0x33)));
}

TEST_CASE("what else is in the record is ignored, and what is none is refused") {
    ByteVector more = txt_of(
        "\x01"
        "x"
        "\x03"
        "y=z");
    const ByteVector txt = encode(example());
    more.insert(more.end(), txt.begin(), txt.end());
    const ByteVector second = txt_of("\x03v=2");
    more.insert(more.end(), second.begin(), second.end());
    REQUIRE(decode_lan_announcement(more));
    CHECK(*decode_lan_announcement(more) == example());
    CHECK(!decode_lan_announcement(txt_of("\x03v=1")));
    std::string version = text_of(txt);
    version[3] = '2';
    CHECK(!decode_lan_announcement(txt_of(version)));
    std::string digit = text_of(txt);
    digit.back() = 'x';
    CHECK(!decode_lan_announcement(txt_of(digit)));
    CHECK(decode_lan_announcement(ByteVector(max_lan_txt_bytes + 1)).error() ==
          proto::Errc::too_long);
}
