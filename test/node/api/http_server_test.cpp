#include "node/api/http_server.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <asio/local/stream_protocol.hpp>
#include <deque>
#include <random>

#include "node/process/descriptors.hpp"
#include "proto/outcome.hpp"
#include "test/node/api/api_server.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace std::chrono_literals;
using test::Ask, test::Raw, test::Reply, test::text_of;
using Server = test::ApiServer;

TEST_CASE("a json route answers with the object or with the error and its status") {
    Server server;
    const Reply good = server.ask({.path = "/echo", .body = R"({"text":"ü\u0001"})"});
    CHECK(good.status == 200);
    CHECK(good.body == "{\"text\":\"ü\\u0001\"}\n");
    const Reply deleted =
        server.ask({.method = "DELETE", .path = "/echo", .body = R"({"text":"x"})"});
    CHECK(deleted.body == "{\"text\":\"x\"}\n");
    const Reply failed = server.ask({.method = "GET", .path = "/fail"});
    CHECK(failed.status == 404);
    CHECK(failed.body == "{\"code\":\"not_found\",\"message\":\"nobody has it: \\\"x\\\"\"}\n");
}

TEST_CASE("an events route sends its lines, then the result or the error") {
    Server server;
    const Reply good = server.ask({.path = "/count", .body = R"({"to":2})"});
    CHECK(good.head.find("Content-Type: application/x-ndjson\r") != std::string::npos);
    CHECK(good.body ==
          "{\"event\":\"progress\",\"i\":0}\n{\"event\":\"progress\",\"i\":1}\n"
          "{\"event\":\"result\"}\n");
    const Reply failed = server.ask({.path = "/fail"});
    CHECK(failed.status == 200);
    CHECK(
        failed.body ==
        "{\"event\":\"error\",\"code\":\"not_found\",\"message\":\"nobody has it: \\\"x\\\"\"}\n");
}

TEST_CASE("a frames route cuts bytes into frames and ends with a line") {
    Server server;
    const Reply answer = server.ask({.path = "/bytes", .body = "{}"});
    const std::string frame = std::string("\0\0\x10\0", 4) + std::string(1 << 20, 0x5a);
    CHECK(answer.body == frame + frame + frame + std::string(4, '\0') + "{\"event\":\"result\"}\n");
}

TEST_CASE("lines that may be dropped are whole or not there, and the last one always is") {
    Server server;
    Raw raw(server.socket());
    raw.send(text_of({.path = "/shout"}));
    const std::string body = raw.read_reply().body;
    const std::string line = "{\"event\":\"progress\"}\n", last = "{\"event\":\"result\"}\n";
    REQUIRE(body.ends_with(last));
    REQUIRE((body.size() - last.size()) % line.size() == 0);
    for (std::size_t at = 0; at + last.size() < body.size(); at += line.size())
        if (body.compare(at, line.size(), line) != 0) REQUIRE(body.substr(at, 40) == line);
}

TEST_CASE("requests that are not understood are refused in the API's own terms") {
    Server server;
    struct Row {
        const char* name;
        const char* path;
        std::string body;
        int status;
        const char* code;
    };
    const Row rows[] = {
        {"not json", "/echo", "{", 400, "usage"},
        {"not an object", "/echo", "[]", 400, "usage"},
        {"missing key", "/echo", "{}", 400, "usage"},
        {"wrong type", "/echo", R"({"text":1})", 400, "usage"},
        {"negative", "/count", R"({"to":-1})", 200, "usage"},
        {"deep", "/echo", std::string(30000, '[') + std::string(30000, ']'), 400, "usage"},
        {"too long", "/echo", std::string(70000, ' '), 413, "limit_reached"},
        {"no such path", "/other", "{}", 404, "usage"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const Reply answer = server.ask({.path = row.path, .body = row.body});
        CHECK(answer.status == row.status);
        CHECK(answer.body.find("\"code\":\"" + std::string(row.code)) != std::string::npos);
    }
    CHECK(server.ask({.method = "GET", .path = "/echo"}).status == 404);
}

TEST_CASE("one connection takes one request after another, also when they come together") {
    Server server;
    Raw raw(server.socket());
    const std::string good = text_of({.path = "/count", .body = R"({"to":1})"});
    const std::string bad = text_of({.path = "/other"}), end = text_of({.path = "/fail"});
    raw.send(good);
    CHECK(raw.read_reply().status == 200);
    raw.send(bad + good + end + good);
    CHECK(raw.read_reply().status == 404);
    CHECK(raw.read_reply().body == "{\"event\":\"progress\",\"i\":0}\n{\"event\":\"result\"}\n");
    CHECK(raw.read_reply().body.find("not_found") != std::string::npos);
    CHECK(raw.read_reply().status == 200);
    raw.send(text_of({.path = "/fail", .headers = "Connection: close\r\n"}));
    CHECK(raw.read_reply().status == 200);
    CHECK(raw.read_all().empty());
}

TEST_CASE("a client that is silent for long is parted from") {
    Server server({.silence = 100ms});
    Raw raw(server.socket());
    raw.send(text_of({.path = "/fail"}));
    CHECK(raw.read_reply().status == 200);
    CHECK(raw.is_cut_off());
}

TEST_CASE("bytes of any number come whole, with their length or in chunks") {
    Server server;
    std::string bytes(5 << 20, '\0');
    std::minstd_rand generator(1);
    std::uint64_t sum = 0;
    for (char& c : bytes) sum += static_cast<unsigned char>(c = static_cast<char>(generator()));
    const std::string expected =
        "\"size\":" + std::to_string(bytes.size()) + ",\"sum\":" + std::to_string(sum) + "}\n";
    const std::string head = "POST /take?name=a%20b HTTP/1.1\r\nHost: kp2p\r\n";
    Raw raw(server.socket());
    raw.send(head + "Content-Length: " + std::to_string(bytes.size()) + "\r\n\r\n" + bytes);
    CHECK(raw.read_reply().body == "{\"name\":\"a b\"," + expected);

    raw.send(head + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    CHECK(raw.read_reply().status == 100);
    for (std::size_t at = 0, size = 1; at < bytes.size(); at += size, size = size * 7 % 100003) {
        const std::string part = bytes.substr(at, size);
        raw.send(chunk_head(part.size()) + part + "\r\n");
    }
    raw.send("0\r\n\r");  // the last byte by itself
    raw.send("\n");
    CHECK(raw.read_reply().body == "{\"name\":\"a b\"," + expected);
    raw.send(text_of({.path = "/take"}));
    CHECK(raw.read_reply().body == "{\"name\":\"none\",\"size\":0,\"sum\":0}\n");
}

TEST_CASE("who is refused in the midst of many bytes reads why") {
    Server server;
    Raw raw(server.socket());
    raw.send("POST /refuse HTTP/1.1\r\nHost: kp2p\r\nContent-Length: 100000000\r\n\r\n");
    raw.send(std::string(100000, 'x'));
    const Reply reply = raw.read_reply();
    CHECK(reply.status == 500);
    CHECK(reply.body.find("out_of_space") != std::string::npos);
    CHECK(raw.is_cut_off());
}

TEST_CASE("bytes that stop coming are cut off, and those that are slow are not") {
    Server server({.request = 100ms, .silence = 300ms});
    Raw raw(server.socket());
    raw.send("POST /take HTTP/1.1\r\nHost: kp2p\r\nContent-Length: 6\r\n\r\n");
    pollfd answer{raw.handle(), POLLIN, 0};
    for (int i = 0; i < 5; ++i) {  // longer than a request may take
        raw.send("x");
        CHECK(::poll(&answer, 1, 50) == 0);
    }
    CHECK(raw.is_cut_off());
}

TEST_CASE("closing the connection cancels the call, though nothing is being sent") {
    Server server;
    Raw raw(server.socket());
    raw.send(text_of({.path = "/forever"}));
    CHECK(test::happens(server.seen.started));
    raw.close();
    CHECK(test::happens(server.seen.cancelled));
}

TEST_CASE("a client that says more than is wanted and goes is missed all the same") {
    Server server;
    Raw raw(server.socket());
    raw.send(text_of({.path = "/forever"}) + std::string(100000, 'x'));
    CHECK(test::happens(server.seen.started));
    raw.close();
    CHECK(test::happens(server.seen.cancelled));
}

TEST_CASE("a client that does not read holds its call up, and cancels it by going") {
    Server server;
    Raw raw(server.socket());
    raw.send(text_of({.path = "/flood"}));
    CHECK(test::happens(server.seen.started));
    CHECK(server.ask({.method = "GET", .path = "/fail"}).status == 404);
    REQUIRE(server.seen.frames.load() < 8);  // what the system itself holds
    std::string bytes(16 << 20, '\0');
    CHECK(::recv(raw.handle(), bytes.data(), bytes.size(), MSG_WAITALL) == 16 << 20);
    CHECK(server.seen.frames.load() >= 15);  // the next one's bytes have come, too
    CHECK(server.seen.frames.load() < 24);
    raw.close();
    CHECK(test::happens(server.seen.cancelled));
}

TEST_CASE("stopping ends requests in progress in half a second, and says so") {
    Server server;
    Raw waiting(server.socket()), silent(server.socket()), deaf(server.socket());
    waiting.send(text_of({.path = "/forever"}));
    CHECK(test::happens(server.seen.started));
    deaf.send(text_of({.path = "/bytes"}));
    const auto before = std::chrono::steady_clock::now();
    server.stop();
    CHECK(std::chrono::steady_clock::now() - before < 500ms);
    const std::string said = waiting.read_all();
    CHECK(said.find("\"code\":\"canceled\"") != std::string::npos);
    CHECK(said.find("the daemon is stopping") != std::string::npos);
    CHECK(silent.read_all().empty());
}

TEST_CASE("hundreds of long calls are under way, and short ones still answered") {
    std::string why;
    REQUIRE(allow_many_descriptors(why));
    Server server;
    std::deque<Raw> waiting;
    for (int i = 0; i < 500; ++i) {
        waiting.emplace_back(server.socket()).send(text_of({.path = "/wait"}));
        CHECK(waiting.back().read_line().find("200") != std::string::npos);
    }
    CHECK(server.ask({.method = "GET", .path = "/fail"}).status == 404);
}

TEST_CASE("more connections than are served at a time wait in line, and none is refused") {
    std::string why;
    REQUIRE(allow_many_descriptors(why));
    Server server({.connections = 3});
    std::deque<Raw> clients;
    for (int i = 0; i < 500; ++i)
        clients.emplace_back(server.socket()).send(text_of({.method = "GET", .path = "/fail"}));
    for (Raw& client : clients) {  // those that have their answer are idle, and give way
        CHECK(client.read_reply().status == 404);
        client.close();
    }
}

TEST_CASE("the port of another is port_in_use") {
    Server server;
    asio::io_context loop{1};
    test::RealRuntime real(loop.get_executor());
    auto second = HttpServer::open(real.runtime, {.port = server.port(), .token = Server::token()});
    CHECK(second.error() == Errc::port_in_use);
}

TEST_CASE("the Unix socket is its owner's alone, replaces a stale one, and goes with the server") {
    test::TempDir directory;
    asio::io_context loop{1};
    test::RealRuntime real(loop.get_executor());
    const auto path = directory.path() / "api.sock";
    const auto open = [&](const std::filesystem::path& at) {
        auto opened = HttpServer::open(real.runtime, {.token = Server::token(), .socket = at});
        REQUIRE(opened);
        return *std::move(opened);
    };
    { asio::local::stream_protocol::acceptor left_over(loop, path.native()); }
    auto server = open(path);
    CHECK(!server->socket_error());
    CHECK(std::filesystem::is_socket(path));
    CHECK(std::filesystem::status(path).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    CHECK(open(path)->socket_error() == asio::error::address_in_use);
    CHECK(std::filesystem::is_socket(path));
    server.reset();
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(open(directory.path() / std::string(120, 'x'))->socket_error() ==
          std::errc::filename_too_long);
    CHECK(open(directory.path() / "none" / "api.sock")->socket_error().value() == ENOENT);
}
