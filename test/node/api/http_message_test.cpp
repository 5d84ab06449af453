#include "node/api/http_message.hpp"

#include <doctest/doctest.h>

#include "proto/outcome.hpp"

using namespace kp2p;

namespace {

struct Parsed {
    Result<void> outcome = ok;
    std::string body;
    std::size_t taken = 0;
    bool done = false;
};

// Feeds `text` in pieces of `step` bytes, each behind what the parser left of those before.
Parsed parse(RequestParser& parser, std::string_view text, std::size_t step) {
    Parsed parsed;
    for (std::size_t end = std::min(step, text.size()); !parser.done();) {
        auto taken = parser.feed(as_bytes(text.substr(parsed.taken, end - parsed.taken)));
        if (!taken) {
            parsed.outcome = taken.error();
            return parsed;
        }
        parsed.taken += *taken;
        parsed.body += parser.take_body();
        if (*taken > 0) continue;
        if (end == text.size()) break;
        end = std::min(end + step, text.size());
    }
    parsed.done = parser.done();
    return parsed;
}

}  // namespace

TEST_CASE("a request is the same in whatever pieces it comes") {
    const std::string head =
        "POST /v1/a%20b?name=x&bare=1 HTTP/1.1\r\nHost: here\r\nX: y\r\nhost: there\r\n"
        "Expect: 100-continue\r\nContent-Type: application/json\r\n";
    const std::string sized = head + "Content-Length: 5\r\n\r\nhello";
    const std::string chunked = head +
                                "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\n"
                                "Trailer: x\r\n\r\n";
    for (const std::string& text : {sized, chunked})
        for (std::size_t step = 1; step <= text.size(); ++step) {
            CAPTURE(step);
            RequestParser parser;
            const Parsed parsed = parse(parser, text + "GET", step);
            REQUIRE(parsed.outcome);
            CHECK(parsed.done);
            CHECK(parsed.taken == text.size());
            CHECK(parsed.body == "hello");
            CHECK(parser.keep_alive());
            const RequestHead& got = parser.head();
            CHECK(got.method == "POST");
            CHECK(got.path == "/v1/a%20b");
            CHECK(got.query == "name=x&bare=1");
            CHECK(got.host == std::vector<std::string>{"here", "there"});
            CHECK(got.takes_body);
            CHECK(got.awaits_continue);
            CHECK(got.chunked == (&text != &sized && text == chunked));
            CHECK_FALSE(got.encoded);
        }
}

TEST_CASE("every truncation of a request wants more, and is no request") {
    const std::string text = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (std::size_t size = 0; size < text.size(); ++size) {
        RequestParser parser;
        const Parsed parsed = parse(parser, text.substr(0, size), size + 1);
        CHECK(parsed.outcome);
        CHECK_FALSE(parser.has_head());
    }
    RequestParser parser;
    CHECK(parse(parser, text, 7).done);
    CHECK_FALSE(parser.keep_alive());
}

TEST_CASE("what is no HTTP/1.1, or too much of it, is refused") {
    const std::string get = "GET / HTTP/1.1\r\n", post = "POST / HTTP/1.1\r\n";
    const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
    const auto fields = [](std::size_t count) {
        std::string all;
        for (std::size_t i = 0; i < count; ++i) all += "A: b\r\n";
        return all;
    };
    std::string lines;
    while (lines.size() < RequestParser::max_head_bytes)
        lines += "A: " + std::string(300, 'b') + "\r\n";
    struct Row {
        const char* name;
        std::string text;
        Errc error;
    };
    const Row rows[] = {
        {"garbage", "\x16\x03\x01\x02\r\n\r\n", Errc::usage},
        {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", Errc::usage},
        {"bad length", post + "Content-Length: -1\r\n\r\n", Errc::usage},
        {"huge length", post + "Content-Length: 99999999999999999999\r\n\r\n", Errc::usage},
        {"two lengths", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", Errc::usage},
        {"length and chunks", post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         Errc::usage},
        {"bad chunk", chunked + "zz\r\n", Errc::usage},
        {"long target", "GET /" + std::string(20000, 'a') + " HTTP/1.1\r\n\r\n",
         Errc::limit_reached},
        {"long field", get + "A: " + std::string(20000, 'a') + "\r\n\r\n", Errc::limit_reached},
        {"many fields", get + fields(65) + "\r\n", Errc::limit_reached},
        {"many bytes in fields", get + lines + "\r\n", Errc::limit_reached},
        {"many trailers", chunked + "0\r\n" + fields(65) + "\r\n", Errc::limit_reached},
        {"long trailers", chunked + "0\r\n" + lines + "\r\n", Errc::limit_reached},
        {"long chunk head", chunked + "1;" + std::string(20000, 'a') + "\r\n", Errc::limit_reached},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, row.text.size()}) {
            RequestParser parser;
            // As a reader has it that holds no more than this at a time.
            const std::string text = row.text.substr(0, 2 * RequestParser::max_head_bytes);
            const Parsed parsed = parse(parser, text, step);
            CHECK(parsed.outcome.error() == row.error);
        }
    }
    RequestParser parser;
    CHECK(parse(parser, get + fields(64) + "\r\n", 100).done);
}

TEST_CASE("the heads of answers, to the byte") {
    CHECK(answer_head({.status = 404,
                       .content_type = "application/json",
                       .length_bytes = 12,
                       .keep_alive = false}) ==
          "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
          "X-Content-Type-Options: nosniff\r\n"
          "Connection: close\r\nContent-Length: 12\r\n\r\n");
    CHECK(answer_head({.content_type = "application/x-ndjson", .length_bytes = {}}) ==
          "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nCache-Control: no-store\r\n"
          "X-Content-Type-Options: nosniff\r\n"
          "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(chunk_head(0) == "0\r\n");
    CHECK(chunk_head(1048580) == "100004\r\n");
}

TEST_CASE("parameters of a query are found and decoded") {
    const std::string query = "name=a%20b%2Fc+d&bare=1&empty&name=second";
    CHECK(*query_parameter(query, "name") == "a b/c+d");
    CHECK(*query_parameter(query, "bare") == "1");
    CHECK(*query_parameter(query, "empty") == "");
    CHECK(*query_parameter(query, "nam") == std::nullopt);
    CHECK(*query_parameter("", "name") == std::nullopt);
    for (const char* bad : {"name=%", "name=%2", "name=%zz"})
        CHECK(query_parameter(bad, "name").error() == Errc::usage);
}
