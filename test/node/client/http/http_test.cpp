#include "node/client/http/http.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "proto/outcome.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace std::chrono_literals;
using client::HttpExchange;
using client::Patience;
using client::Socket;

namespace {

const std::string chunked_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// Both ends of a connection: the exchange at one, and what the test says at the other.
class OpenExchange {
  public:
    OpenExchange() : listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        const auto path = temp_.path() / "http";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, path.c_str());
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(listener_, 1) == 0);
        auto socket = Socket::connect(path, {10s});
        REQUIRE(socket);
        exchange.emplace(*std::move(socket));
        peer_ = ::accept(listener_, nullptr, nullptr);
        REQUIRE(peer_ >= 0);
    }
    ~OpenExchange() {
        hang_up();
        ::close(listener_);
    }
    void say(std::string_view text) {
        REQUIRE(::write(peer_, text.data(), text.size()) == std::ssize(text));
    }
    void hang_up() {
        if (peer_ >= 0) ::close(std::exchange(peer_, -1));
    }
    // What of the body can be had without waiting; at its end, or if there is none yet, why.
    std::string now(std::error_code& why) {
        std::string text;
        std::uint8_t bytes[3];
        for (;;) {
            auto size = exchange->read_body(bytes, {0ms});
            why = size.error();
            if (!size || *size == 0) return text;
            text += as_text(ByteView(bytes).first(*size));
        }
    }

    std::optional<HttpExchange> exchange;

  private:
    test::TempDir temp_;
    int listener_, peer_ = -1;
};

}  // namespace

TEST_CASE("each event is handed on as it comes, wherever the pieces are cut") {
    const std::string text = "7\r\n{\"a\":1}\r\n1;x\r\n\n\r\n0\r\nA: b\r\n\r\n";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        CAPTURE(cut);
        OpenExchange open;
        open.say(chunked_head + "2\r\n{}\r\n");
        CHECK(*open.exchange->ask({"GET", "/", "x"}, {10s}) == 200);
        std::error_code why;
        CHECK(open.now(why) == "{}");
        CHECK(why == Errc::timed_out);
        std::string rest;
        open.say(text.substr(0, cut));
        rest += open.now(why);
        CHECK(why == (cut < text.size() ? make_error_code(Errc::timed_out) : std::error_code()));
        open.say(text.substr(cut));
        rest += open.now(why);
        CHECK_FALSE(why);
        CHECK(rest == "{\"a\":1}\n");
        CHECK(open.exchange->reusable());
    }
}

TEST_CASE("a chunked body may come a byte at a time") {
    OpenExchange open;
    open.say(chunked_head);
    CHECK(*open.exchange->ask({"GET", "/", "x"}, {10s}) == 200);
    std::string got;
    std::error_code why;
    for (const char c : std::string("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")) {
        CHECK_FALSE(open.exchange->reusable());
        open.say({&c, 1});
        got += open.now(why);
    }
    CHECK_FALSE(why);
    CHECK(got == "hello");
}

TEST_CASE("a body that is cut short is no body, but for one without a length") {
    struct Row {
        const char* name;
        std::string answer, body;
        std::error_code why;
    };
    const std::string ok200 = "HTTP/1.1 200 OK\r\n";
    const Row rows[] = {
        {"by length", ok200 + "Content-Length: 6\r\n\r\nhello", "hello", Errc::closed},
        {"within a chunk", chunked_head + "6\r\nhello", "hello", Errc::closed},
        {"between chunks", chunked_head + "5\r\nhello\r\n", "hello", Errc::closed},
        {"before the end of chunks", chunked_head + "5\r\nhello\r\n0\r\n", "hello", Errc::closed},
        {"no length", ok200 + "\r\nhello", "hello", {}},
        {"no length and nothing", ok200 + "\r\n", "", {}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        OpenExchange open;
        open.say(row.answer);
        open.hang_up();
        CHECK(*open.exchange->ask({"GET", "/", "x"}, {10s}) == 200);
        std::error_code why;
        CHECK(open.now(why) == row.body);
        CHECK(why == row.why);
        CHECK_FALSE(open.exchange->reusable());
    }
}

TEST_CASE("a head above the limit is refused before its end has come") {
    OpenExchange open;
    open.say("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 17; ++i) open.say("A: " + std::string(1000, 'a') + "\r\n");
    CHECK(open.exchange->ask({"GET", "/", "x"}, {10s}).error() == proto::Errc::too_long);
}

TEST_CASE("an answer that was not asked for ends what the connection is good for") {
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    OpenExchange open;
    CHECK_FALSE(open.exchange->reusable());
    for (const bool twice : {false, true}) {
        open.say(twice ? answer + answer : answer);
        CHECK(open.exchange->ask({"GET", "/", "x"}, {10s}));
        CHECK(open.exchange->reusable() == !twice);
    }
}
