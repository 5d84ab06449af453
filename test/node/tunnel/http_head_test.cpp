#include "node/tunnel/http_head.hpp"

#include <doctest/doctest.h>

#include "proto/errc.hpp"

using namespace kp2p;

namespace {

const std::string request =
    "GET /kp2p?x=1 HTTP/1.1\r\nHost: a\r\nconnection: keep-alive, Upgrade\r\n"
    "UPGRADE: kp2p-tunnel/1\r\n\r\n";

}  // namespace

TEST_CASE("the head of a request is read, and no more") {
    const std::string text = request + "more";
    const auto parsed = parse_head(HttpSide::request, as_bytes(text));
    REQUIRE(parsed);
    REQUIRE(*parsed);
    const auto& [head, bytes] = **parsed;
    CHECK(bytes == request.size());
    CHECK(head.method == "GET");
    CHECK(head.target == "/kp2p?x=1");
    CHECK(head.field("Upgrade") == "kp2p-tunnel/1");
    CHECK(head.field("upgrades").empty());
    CHECK(head.has_word("Connection", "upgrade"));
    CHECK_FALSE(head.has_word("Connection", "up"));
}

TEST_CASE("the head of an answer is read, whatever would follow it") {
    for (const char* text :
         {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
          "HTTP/1.1 101 x\r\nUpgrade: x\r\nContent-Length: 5\r\n\r\nhello",
          "HTTP/1.0 101 x\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
        const auto parsed = parse_head(HttpSide::answer, as_bytes(text));
        CAPTURE(text);
        REQUIRE(parsed);
        REQUIRE(*parsed);
        CHECK((*parsed)->head.status == 101);
        CHECK((*parsed)->head.field("Upgrade") == "x");
        CHECK((*parsed)->bytes == std::string_view(text).find("\r\n\r\n") + 4);
    }
}

TEST_CASE("half a head is waited for") {
    for (std::size_t size = 0; size < request.size(); ++size) {
        const auto parsed = parse_head(HttpSide::request, as_bytes(request.substr(0, size)));
        REQUIRE(parsed);
        CHECK_FALSE(*parsed);
    }
}

TEST_CASE("what is no head, or is too long, is an error") {
    CHECK_FALSE(parse_head(HttpSide::request, as_bytes("\x16\x03\x01\x02 hello\r\n\r\n")));
    CHECK_FALSE(parse_head(HttpSide::answer, as_bytes("SSH-2.0-OpenSSH\r\n\r\n")));
    const std::string endless(HttpHead::max_bytes + 1, 'a');
    CHECK_FALSE(parse_head(HttpSide::request, as_bytes("GET / HTTP/1.1\r\nA: " + endless)));
    std::string many = "GET / HTTP/1.1\r\n";
    for (int i = 0; i < 65; ++i) many += "A: b\r\n";
    CHECK(parse_head(HttpSide::request, as_bytes(many + "\r\n")).error() == proto::Errc::too_long);
}
