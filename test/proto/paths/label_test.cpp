#include "proto/paths/label.hpp"

#include <doctest/doctest.h>

#include "proto/errc.hpp"

using namespace kp2p;

TEST_CASE("a label has these bytes, and comes back") {
    const auto label = NodeLabel::parse("Ana's \u00fc-laptop");
    REQUIRE(label);
    const proto::Encoded message = proto::encode(*label);
    CHECK(message.type == 2);
    CHECK(to_hex(message.payload) == "0f416e61277320c3bc2d6c6170746f70");
    CHECK(*proto::decode_label(2, message.payload) == *label);
    ByteVector longer = message.payload;
    longer.push_back(7);
    CHECK(*proto::decode_label(2, longer) == *label);
    for (std::size_t size = 0; size < message.payload.size(); ++size)
        CHECK(proto::decode_label(2, ByteView(message.payload).first(size)).error() ==
              proto::Errc::truncated);
    CHECK(proto::decode_label(0, message.payload).error() == proto::Errc::unknown_type);
}

TEST_CASE("what would not stay in its place is no label") {
    for (const std::string& text :
         {std::string(), std::string(" a"), std::string("a "), std::string("a\nb"),
          std::string("a\x1b[31m"), std::string("a\x7f"), std::string("\u0085"),
          std::string("a\u202eb"), std::string("a\u200bb"), std::string("\u2028"),
          std::string("\ufeff"), std::string("\xff"), std::string("a\0b", 3),
          std::string(NodeLabel::max_bytes + 1, 'a')}) {
        CAPTURE(text);
        CHECK(NodeLabel::parse(text).error() == kp2p::Errc::usage);
        ByteVector bytes{static_cast<std::uint8_t>(text.size())};
        bytes.insert(bytes.end(), text.begin(), text.end());
        CHECK(proto::decode_label(2, bytes).error() == proto::Errc::bad_text);
    }
    CHECK(NodeLabel::parse(std::string(NodeLabel::max_bytes, 'a')));
}

TEST_CASE("what looks empty, or ends in what does, is no label") {
    for (const std::string text :
         {"\u3164", "\u115f\u1160", "a\uffa0", "\u2800", "\u17b4", "\U0001d173", "\u00a0", "\u3000",
          "\u2003\u2003", "a\u00a0", "\u1680a", "\ufe0f", "\u034f", "\U000e0100", "\u180b"}) {
        CAPTURE(text);
        CHECK(NodeLabel::parse(text).error() == kp2p::Errc::usage);
    }
    for (const std::string text : {"\u2764\ufe0f", "a\u3000b", "\ud55c\uae00", "x"}) {
        CAPTURE(text);
        CHECK(NodeLabel::parse(text));
    }
}

TEST_CASE("people are shown eight digits and the label") {
    CHECK(shown_node("0123456789abcdef", "Ana's") == "01234567 (Ana's)");
    CHECK(shown_node("0123456789abcdef", "") == "01234567");
    CHECK(described_node("0123456789abcdef", "Ana's") == "01234567 (Ana's)  0123456789abcdef");
    CHECK(described_node("0123456789abcdef", "") == "0123456789abcdef");
}
