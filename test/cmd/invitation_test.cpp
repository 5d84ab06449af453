#include "cmd/invitation.hpp"

#include <doctest/doctest.h>

using namespace kp2p;

namespace {

const std::string node(64, 'a');
const std::string hash(40, '1');

}  // namespace

TEST_CASE("an invitation says what it was made of, in one word for a shell") {
    Invitation made{*ChannelName::parse("our lab-\u00fc/x=%41")};
    made.file = *proto::Uri::parse("sha1://" + hash + "/a b.csv?manifest=" + hash);
    made.peers = {node + "@192.0.2.7:49737"};
    made.relay = "https://relay.lab.edu/#12345678";
    const std::string text = made.text();
    CHECK(text.find_first_of(" ?&;'\"$#*\n") == std::string::npos);
    std::string complaint;
    for (const std::string& pasted : {text, "  " + text + "\r\n", "'" + text + "'\n",
                                      text.substr(0, 20) + "\r\n  " + text.substr(20)}) {
        const auto read = Invitation::parse(pasted, complaint);
        REQUIRE(read);
        CHECK(read->channel == made.channel);
        CHECK(read->file == made.file);
        CHECK(read->peers == made.peers);
        CHECK(read->relay == made.relay);
    }
    CHECK(made.hint() == "where nobody is found, start the daemon once with --peer " + node +
                             "@192.0.2.7:49737 --relay-url 'https://relay.lab.edu/#12345678'");
    CHECK(Invitation{made.channel}.hint().empty());
}

TEST_CASE("what is no invitation is refused in words") {
    const struct {
        std::string text;
        const char* complaint;
    } rows[] = {
        {"", "begins with"},
        {"sha1://" + hash, "begins with"},
        {"kp2p:join", "cut off"},
        {"kp2p:join/channel=our-lab-0jmq4x", "cut off"},
        {"kp2p:join/channel=a/file=" + hash + "/en", "cut off"},
        {"kp2p:join/end", "names no channel"},
        {"kp2p:join/file=" + hash + "/end", "names no channel"},
        {"kp2p:join/channel=/end", "channel is none"},
        {"kp2p:join/channel=a%0Ab/end", "channel is none"},
        {"kp2p:join/channel=a/file=x/end", "file is none"},
        {"kp2p:join/channel=a/peer=x/end", "peer is none"},
        {"kp2p:join/channel=a/relay=x/end", "relay is none"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        std::string complaint;
        CHECK(Invitation::parse(row.text, complaint).error() == Errc::usage);
        CHECK(complaint.find(row.complaint) != std::string::npos);
    }
    std::string complaint;
    CHECK(Invitation::parse("kp2p:join/channel=a/later=b///end/and/what/follows", complaint));
}
