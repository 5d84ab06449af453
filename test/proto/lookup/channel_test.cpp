#include "proto/lookup/channel.hpp"

#include <doctest/doctest.h>

#include "proto/outcome.hpp"

using namespace kp2p;
using namespace kp2p::proto;

TEST_CASE("channel names are short printable UTF-8") {
    for (const char* good : {"x", "our-lab", "a b", "höhle", "实验室", "\xf0\x9f\x90\x9f"}) {
        CAPTURE(good);
        auto name = ChannelName::parse(good);
        REQUIRE(name);
        CHECK(name->text() == good);
    }
    for (const char* pasted : {" a b", "a b\n", "\ta b \r\n", "\u00a0a b\ufeff"}) {
        CAPTURE(pasted);
        auto name = ChannelName::parse(pasted);
        REQUIRE(name);
        CHECK(name->text() == "a b");
    }
    for (const char* bad :
         {"", " ", "\n", "a\nb", "\x7f", "\xc2\x85", "\xff", "\xc0\xaf", "\xed\xa0\x80",
          "a\xe2\x82", "\xf4\x90\x80\x80", "'kp2p:join/channel=a/end'"}) {
        CAPTURE(bad);
        CHECK(ChannelName::parse(bad).error() == kp2p::Errc::usage);
    }
    CHECK(ChannelName::parse(std::string(200, 'a')));
    CHECK(!ChannelName::parse(std::string(201, 'a')));
}

TEST_CASE("a channel's derived values differ by connection and side") {
    auto key = derive_channel_key(*ChannelName::parse("our-lab"));
    REQUIRE(key);
    HandshakeHash one, two;
    two.data()[63] = 1;
    CHECK(lookup_id(*key, one) != lookup_id(*key, two));
    const auto ours = membership_proof(*key, one, Role::initiator);
    CHECK(ours != membership_proof(*key, one, Role::responder));
    CHECK(ours != membership_proof(*key, two, Role::initiator));
    CHECK(proves_membership(ours, ours.view()));
    CHECK(!proves_membership(ours, ours.view().first(31)));
    CHECK(!proves_membership(ours, membership_proof(*key, one, Role::responder).view()));
    CHECK(!proves_membership(ours, {}));
}
