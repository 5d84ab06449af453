#include "node/client/http/http_message.hpp"

#include <doctest/doctest.h>

#include "proto/outcome.hpp"

using namespace kp2p;
using client::AnswerParser;

namespace {

const std::string ok200 = "HTTP/1.1 200 OK\r\n";
const std::string chunked = ok200 + "Transfer-Encoding: chunked\r\n\r\n";

struct Parsed {
    Result<void> outcome = ok;
    std::string body;
    std::size_t taken = 0;
};

// Feeds `text` in pieces of `step` bytes, each behind what the parser left of those before, with
// room for `room` bytes of the body.
Parsed parse(AnswerParser& parser, std::string_view text, std::size_t step, std::size_t room = 64) {
    Parsed parsed;
    ByteVector body(room);
    for (std::size_t end = std::min(step, text.size()); !parser.done();) {
        auto taken = parser.feed(as_bytes(text.substr(parsed.taken, end - parsed.taken)),
                                 parser.has_head() ? body : std::span<std::uint8_t>());
        if (!taken) {
            parsed.outcome = taken.error();
            break;
        }
        parsed.taken += taken->bytes;
        parsed.body += as_text(ByteView(body).first(taken->body_bytes));
        if (taken->bytes > 0) continue;
        if (end == text.size()) break;
        end = std::min(end + step, text.size());
    }
    return parsed;
}

std::string repeated(std::size_t times, std::string_view text) {
    std::string all;
    while (times-- > 0) all += text;
    return all;
}

}  // namespace

TEST_CASE("an answer is the same in whatever pieces it comes") {
    struct Row {
        const char* name;
        std::string text;
        bool keeps_alive;
    };
    const Row rows[] = {
        {"by length", ok200 + "content-length: 5\r\n\r\nhello", true},
        {"by length, and the last", ok200 + "Connection: close\r\nContent-Length: 5\r\n\r\nhello",
         false},
        {"in chunks", chunked + "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nTrailer: x\r\n\r\n", true},
        {"in a chunk a byte",
         chunked + "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n01\r\no\r\n0\r\n\r\n", true},
    };
    for (const Row& row : rows)
        for (std::size_t step = 1; step <= row.text.size(); ++step)
            for (const std::size_t room : {1, 2, 64}) {
                CAPTURE(row.name);
                CAPTURE(step);
                CAPTURE(room);
                AnswerParser parser;
                const Parsed parsed = parse(parser, row.text + "HTTP", step, room);
                REQUIRE(parsed.outcome);
                REQUIRE(parser.done());
                CHECK(parser.status() == 200);
                CHECK(parser.keep_alive() == row.keeps_alive);
                CHECK(parsed.body == "hello");
                CHECK(parsed.taken == row.text.size());
            }
}

TEST_CASE("an answer that is cut short anywhere is none") {
    for (const std::string& text : {ok200 + "Content-Length: 5\r\n\r\nhello",
                                    chunked + "2\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n"})
        for (std::size_t size = 0; size < text.size(); ++size) {
            CAPTURE(size);
            AnswerParser parser;
            CHECK(parse(parser, text.substr(0, size), size + 1).outcome);
            CHECK_FALSE(parser.done());
            CHECK(parser.end().error() == Errc::closed);
        }
}

TEST_CASE("an answer that says no length ends with the connection, and with no less") {
    for (const std::string& text : {ok200 + "\r\nhello", std::string("HTTP/1.0 200 \r\n\r\nhello")})
        for (std::size_t step = 1; step <= text.size(); ++step) {
            AnswerParser parser;
            CHECK(parse(parser, text, step).body == "hello");
            CHECK_FALSE(parser.done());
            CHECK(parser.end());
            CHECK(parser.done());
            CHECK_FALSE(parser.keep_alive());
        }
}

TEST_CASE("what is no answer, or has more around its body than it may, is an error") {
    const std::string line = "A: " + std::string(1000, 'a') + "\r\n";
    const std::string long_line = "A: " + std::string(17000, 'a') + "\r\n";
    const auto malformed = proto::Errc::bad_text, too_long = proto::Errc::too_long;
    struct Row {
        const char* name;
        std::string text;
        std::error_code error;
    };
    const Row rows[] = {
        {"no HTTP", "SSH-2.0-x\r\n", malformed},
        {"another version", "HTTP/2.0 200 OK\r\n\r\n", malformed},
        {"no status", "HTTP/1.1 OK\r\n\r\n", malformed},
        {"no field", ok200 + "x\r\n\r\n", malformed},
        {"bad length", ok200 + "Content-Length: x\r\n\r\n", malformed},
        {"two lengths", ok200 + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", malformed},
        {"unknown encoding", ok200 + "Transfer-Encoding: gzip\r\n\r\n", malformed},
        {"two encodings", ok200 + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", malformed},
        {"bad chunk", chunked + "x\r\n", malformed},
        {"a chunk that goes on", chunked + "1\r\naa\r\n0\r\n\r\n", malformed},
        {"a head below the limit", ok200 + repeated(16, line) + "Content-Length: 0\r\n\r\n", {}},
        {"a head above it", ok200 + repeated(17, line) + "Content-Length: 0\r\n\r\n", too_long},
        {"a long field", ok200 + long_line + "\r\n", too_long},
        {"a head without end", ok200 + std::string(17000, 'x'), too_long},
        {"a first line without end", "HTTP/1.1 200 " + std::string(17000, 'x'), too_long},
        {"a long chunk head", chunked + "1;" + std::string(17000, 'a'), too_long},
        {"trailers below the limit", chunked + "0\r\n" + repeated(16, line) + "\r\n", {}},
        {"trailers above it", chunked + "0\r\n" + repeated(17, line) + "\r\n", too_long},
        {"trailers without end", chunked + "0\r\n" + repeated(17, line), too_long},
        {"more chunks than a head may have bytes",
         chunked + repeated(10000, "1\r\na\r\n") + "0\r\n\r\n",
         {}},
    };
    for (const Row& row : rows)
        for (const std::size_t step : {std::size_t{100}, row.text.size()}) {
            CAPTURE(row.name);
            CAPTURE(step);
            AnswerParser parser;
            const Parsed parsed = parse(parser, row.text, step);
            CHECK(parsed.outcome.error() == row.error);
            if (!row.error) CHECK(parser.done());
        }
}

TEST_CASE("an answer that can have no body has none") {
    AnswerParser parser;
    CHECK(parse(parser, "HTTP/1.1 204 No Content\r\n\r\n", 100).outcome);
    CHECK(parser.done());
    CHECK(parser.status() == 204);
}

TEST_CASE("a request is written whole, with the length of its body") {
    const std::string text =
        client::request_text({"POST",
                              "/v1/find?a=b%20c",
                              "127.0.0.1:1",
                              {{"Content-Type", "application/json"}, {"X-Own", "y"}},
                              "{\"a\":1}"});
    CHECK(text ==
          "POST /v1/find?a=b%20c HTTP/1.1\r\nHost: 127.0.0.1:1\r\n"
          "Content-Type: application/json\r\nX-Own: y\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
    CHECK(client::request_text({"GET", "/", "x"}) ==
          "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
}
