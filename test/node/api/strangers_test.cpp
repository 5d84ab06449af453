// What a process may do that reaches the API and does not know its token, or sends what nobody
// should.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <random>

#include "test/node/api/api_server.hpp"

using namespace kp2p;
using namespace std::chrono_literals;
using test::Ask, test::Raw, test::Reply, test::text_of;
using Server = test::ApiServer;

namespace {

bool answers(const Server& server) {
    return server.ask({.method = "GET", .path = "/fail"}).status == 404;
}

// No more descriptors than are open now can be had until this is gone.
class NoMoreDescriptors {
  public:
    NoMoreDescriptors() {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const int next = ::dup(0);
        ::close(next);
        rlimit now = before_;
        now.rlim_cur = static_cast<rlim_t>(next);
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &now) == 0);
    }
    ~NoMoreDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

}  // namespace

TEST_CASE("over TCP both sides prove that they know the token, once for a connection") {
    Server server;
    Raw raw(server.port());
    const Ask fail{.method = "GET", .path = "/fail", .host = server.host()};
    Ask proven = fail;
    proven.headers = "Authorization: " + server.prove(raw) + "\r\n";
    raw.send(text_of(proven) + text_of(fail) + text_of(proven));
    for (int i = 0; i < 3; ++i) CHECK(raw.read_reply().status == 404);
    Raw other(server.port());  // it holds for no other connection
    other.send(text_of(proven));
    CHECK(other.read_reply().status == 401);
    CHECK(other.is_cut_off());
}

TEST_CASE("no proof, a wrong proof, a foreign Host and a foreign Origin are refused") {
    Server server;
    struct Row {
        const char* name;
        bool proves;
        std::string headers, host;
        int status;
    };
    const std::string wrong = "Authorization: KP2P " + std::string(64, '8') + "\r\n";
    const Row rows[] = {
        {"no proof", false, "", server.host(), 401},
        {"wrong proof", false, wrong, server.host(), 401},
        {"host", true, "", "evil.example", 403},
        {"origin", true, "Origin: http://evil.example\r\n", server.host(), 403},
        {"none of these", true, "", server.host(), 404},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Raw raw(server.port());
        std::string headers = row.headers;
        const std::string proof = server.prove(raw);
        if (row.proves) headers += "Authorization: " + proof + "\r\n";
        const Ask ask{.method = "GET", .path = "/fail", .headers = headers, .host = row.host};
        raw.send(text_of(ask));
        CHECK(raw.read_reply().status == row.status);
    }
}

TEST_CASE("a hello without a good nonce is refused") {
    Server server;
    for (const std::string body : {"{}", "[", "{\"nonce\":\"00\"}", "{\"nonce\":7}"}) {
        Raw raw(server.port());
        raw.send(text_of({.path = "/v1/hello", .body = body, .host = server.host()}));
        CHECK(raw.read_reply().status == 400);
    }
}

TEST_CASE("hostile bytes leave the server answering") {
    Server server;
    const std::string head = "Host: kp2p\r\n";
    std::string random(5000, '\0');
    std::minstd_rand generator(1);
    for (char& c : random) c = static_cast<char>(generator());
    const std::string requests[] = {
        "",
        "\r\n\r\n",
        "GET",
        "GET / HTTP/1.1\r\n\r\n",
        "GET /fail HTTP/1.1\r\n" + head + "Range: bytes=" + std::string(8000, '1') + "\r\n\r\n",
        "GET /fail HTTP/1.1\r\n" + head + "Range: bytes=0-0,0-0,1-1\r\n\r\n",
        "GET /" + std::string(20000, 'a') + " HTTP/1.1\r\n" + head + "\r\n",
        "GET /" + std::string(8000, '%') + " HTTP/1.1\r\n" + head + "\r\n",
        "POST /echo HTTP/1.1\r\n" + head + "Content-Length: 99999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
        "POST /take HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "POST /echo HTTP/1.1\r\n" + head + "Content-Length: 10\r\n\r\n{",
        std::string(100000, 'x'),
        random,
    };
    for (const std::string& request : requests) {
        CAPTURE(request.substr(0, 60));
        Raw local(server.socket()), tcp(server.port());
        for (Raw* raw : {&local, &tcp}) {
            (void)raw->try_send(request);
            ::shutdown(raw->handle(), SHUT_WR);
            raw->read_all();
        }
        CHECK(answers(server));
    }
}

TEST_CASE("headers without end are cut off before they are held") {
    Server server;
    const std::string begin = "GET /fail HTTP/1.1\r\nHost: " + server.host() + "\r\n";
    const std::string many = "A: b\r\n", long_one = std::string(1 << 16, 'a');
    for (const std::string& piece : {many, long_one})
        for (const bool local : {false, true}) {
            Raw raw = local ? Raw(server.socket()) : Raw(server.port());
            const std::string block = [&] {
                std::string all;
                while (all.size() < (1 << 16)) all += piece;
                return all;
            }();
            bool taken = raw.try_send(begin + (piece == many ? "" : "A: "));
            std::size_t sent_bytes = 0;
            while (taken && sent_bytes < std::size_t{71} << 20) {
                taken = raw.try_send(block);
                sent_bytes += block.size();
            }
            CHECK_FALSE(taken);
            CHECK(sent_bytes < std::size_t{16} << 20);  // what the system's own buffers take
        }
    Raw raw(server.socket());
    raw.send(begin + "A: " + std::string(20000, 'a') + "\r\n\r\n");
    CHECK(raw.read_reply().status == 431);
    CHECK(raw.is_cut_off());
}

TEST_CASE("a request that trickles in is cut off in time, wherever it is") {
    Server server({.request = 200ms});
    const std::string heads[] = {
        "GET /",
        "GET /fail HTTP/1.1\r\nX: ",
        "POST /echo HTTP/1.1\r\nHost: " + server.host() +
            "\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n",
        "POST /v1/hello HTTP/1.1\r\nHost: " + server.host() +
            "\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n",
    };
    for (const std::string& head : heads)
        for (const bool local : {false, true}) {
            CAPTURE(head);
            Raw raw = local ? Raw(server.socket()) : Raw(server.port());
            raw.send(head);
            pollfd answer{raw.handle(), POLLIN, 0};
            int sent_bytes = 0;  // a byte every 10 ms, until the server says or ends something
            while (sent_bytes < 500 && ::poll(&answer, 1, 10) == 0) {
                (void)raw.try_send("x");
                ++sent_bytes;
            }
            CHECK(sent_bytes < 500);
        }
    CHECK(answers(server));
}

TEST_CASE("who says hello and no more is cut off in time") {
    Server server({.request = 200ms});
    Raw raw(server.port());
    server.prove(raw);
    CHECK(raw.is_cut_off());
}

TEST_CASE("of those that have not proven themselves the oldest give way, and nobody else") {
    Server server({.unproven = 4});
    const Ask fail{.method = "GET", .path = "/fail", .host = server.host()};
    Raw proven(server.port()), local(server.socket());
    Ask first = fail;
    first.headers = "Authorization: " + server.prove(proven) + "\r\n";
    proven.send(text_of(first));
    CHECK(proven.read_reply().status == 404);
    std::deque<Raw> strangers;
    for (int i = 0; i < 10; ++i) strangers.emplace_back(server.port());
    for (int i = 0; i < 6; ++i) CHECK(strangers[static_cast<std::size_t>(i)].is_cut_off());
    for (int i = 6; i < 10; ++i) server.prove(strangers[static_cast<std::size_t>(i)]);
    proven.send(text_of(fail));
    CHECK(proven.read_reply().status == 404);
    local.send(text_of(fail));
    CHECK(local.read_reply().status == 404);
}

TEST_CASE("callers are answered while a stranger opens hundreds of connections again and again") {
    Server server;
    std::atomic<bool> enough{false};
    std::thread stranger([&] {
        std::deque<Raw> open;
        while (!enough) {
            open.emplace_back(server.port());
            if (open.size() > 300) open.pop_front();
        }
    });
    for (int i = 0; i < 200; ++i) CHECK(answers(server));
    enough = true;
    stranger.join();
}

TEST_CASE("without a descriptor left a stranger gives way, and the caller is answered") {
    Server server;
    Raw stranger(server.port());
    server.prove(stranger);  // it has been let in
    Raw caller = Raw::unconnected(server.socket());
    {
        const NoMoreDescriptors none;
        caller.connect();
        caller.send(text_of({.method = "GET", .path = "/fail"}));
        CHECK(stranger.is_cut_off());
        CHECK(caller.read_reply().status == 404);
    }
    CHECK(answers(server));
}

TEST_CASE("without a descriptor left the caller waits until there is one") {
    Server server;
    Raw caller = Raw::unconnected(server.socket());
    {
        const NoMoreDescriptors none;
        caller.connect();
        caller.send(text_of({.method = "GET", .path = "/fail"}));
        pollfd answer{caller.handle(), POLLIN, 0};
        CHECK(::poll(&answer, 1, 100) == 0);
    }
    CHECK(caller.read_reply().status == 404);
}
