#include "node/api/http_server.hpp"

#include <arpa/inet.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <future>
#include <random>

#include "node/async/clock.hpp"
#include "node/async/tasks.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"
#include "test/run.hpp"

using namespace kp2p;
using namespace std::chrono_literals;
using Method = HttpServer::Method;

namespace {

const std::string token(64, '7');

// What the handlers below have seen, for the test's thread to wait on.
struct Seen {
    std::promise<void> started, cancelled;
};

Task<Result<std::string>> echo(Call& call) {
    auto text = call.text("text");
    if (!text) co_return text.error();
    co_return proto::JsonWriter().begin_object().field("text", *text).end_object().take();
}

Task<Result<std::string>> count(Call& call) {
    auto to = call.optional_number("to");
    if (!to) co_return to.error();
    for (std::uint64_t i = 0; i < to->value_or(3); ++i) {
        auto sent = co_await call.send("{\"event\":\"progress\",\"i\":" + std::to_string(i) + "}");
        if (!sent) co_return sent.error();
    }
    co_return std::string("{\"event\":\"result\"}");
}

Task<Result<std::string>> fail(Call& call) {
    call.explain("nobody has it: \"x\"");
    co_return Errc::not_found;
}

Task<Result<std::string>> bytes(Call& call) {
    const ByteVector chunk(3 << 20, 0x5a);
    auto sent = co_await call.send_bytes(chunk);
    if (!sent) co_return sent.error();
    co_return std::string("{\"event\":\"result\"}");
}

Task<Result<std::string>> forever(Call&, Seen& seen) {
    seen.started.set_value();
    SteadyClock clock;
    auto slept = co_await clock.sleep_for(1h);
    if (!slept) seen.cancelled.set_value();
    co_return Errc::failed;
}

Task<Result<std::string>> wait(Call& call) {
    auto sent = co_await call.send("{}");
    if (!sent) co_return sent.error();
    SteadyClock clock;
    auto slept = co_await clock.sleep_for(1h);
    co_return slept.error();
}

Task<Result<std::string>> flood(Call& call, Seen& seen) {
    const ByteVector chunk(1 << 20, 1);
    seen.started.set_value();
    for (;;) {
        auto sent = co_await call.send_bytes(chunk);
        if (sent) continue;
        seen.cancelled.set_value();
        co_return sent.error();
    }
}

// A server with the handlers above, on a loop of its own until the test ends.
class Running {
  public:
    explicit Running(std::chrono::milliseconds request_limit = 5s) {
        HttpServerConfig config{.port = 0, .token = token, .request_limit = request_limit};
        auto opened = HttpServer::open(config);
        REQUIRE(opened);
        server_ = *std::move(opened);
        server_->on(Method::post, "/echo", Shape::json, echo);
        server_->on(Method::del, "/echo", Shape::json, echo);
        server_->on(Method::post, "/count", Shape::events, count);
        server_->on(Method::get, "/fail", Shape::json, fail);
        server_->on(Method::post, "/fail", Shape::events, fail);
        server_->on(Method::post, "/bytes", Shape::frames, bytes);
        server_->on(Method::post, "/wait", Shape::events, wait);
        server_->on(Method::post, "/forever", Shape::events,
                    [this](Call& call) { return forever(call, seen); });
        server_->on(Method::post, "/flood", Shape::frames,
                    [this](Call& call) { return flood(call, seen); });
        std::promise<void> ready;
        auto is_ready = ready.get_future();
        thread_ = std::thread([this, &ready] { test::run(root(ready)); });
        is_ready.get();
    }
    ~Running() { stop(); }
    void stop() {
        if (!thread_.joinable()) return;
        asio::post(loop_, [this] { tasks_->cancel(); });
        thread_.join();
    }
    std::uint16_t port() const { return server_->port(); }
    httplib::Client client() const {
        httplib::Client client("127.0.0.1", port());
        client.set_default_headers({{"Authorization", "Bearer " + token}});
        return client;
    }
    Seen seen;

  private:
    Task<> root(std::promise<void>& ready) {
        loop_ = co_await asio::this_coro::executor;
        auto body = [&](Tasks& tasks) -> Task<> {
            tasks_ = &tasks;
            tasks.spawn(serve());
            ready.set_value();
            co_return;
        };
        auto ended = co_await with_tasks(body);
        CHECK(ended);
    }
    Task<> serve() {
        auto ended = co_await server_->serve();
        CHECK(!ended);
    }

    std::unique_ptr<HttpServer> server_;
    Executor loop_;
    Tasks* tasks_ = nullptr;
    std::thread thread_;
};

// A bare TCP connection, for requests that no HTTP library would send.
class Raw {
  public:
    explicit Raw(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    }
    ~Raw() { close(); }
    void close() {
        if (socket_ >= 0) ::close(socket_);
        socket_ = -1;
    }
    void send(std::string_view text) {
        REQUIRE(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }
    int handle() const { return socket_; }
    std::string read_line() {
        std::string line;
        for (char c; ::recv(socket_, &c, 1, 0) == 1 && c != '\n';) line.push_back(c);
        return line;
    }
    std::string read_all() {
        std::string all;
        char buffer[4096];
        for (ssize_t got; (got = ::recv(socket_, buffer, sizeof buffer, 0)) > 0;)
            all.append(buffer, static_cast<std::size_t>(got));
        return all;
    }
    std::string post(std::uint16_t port, const std::string& path) const {
        return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
               "\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 0\r\n\r\n";
    }

  private:
    int socket_;
};

bool happens(std::promise<void>& promise) {
    return promise.get_future().wait_for(5s) == std::future_status::ready;
}

}  // namespace

TEST_CASE("a json route answers with the object or with the error and its status") {
    Running server;
    auto client = server.client();
    auto good = client.Post("/echo", R"({"text":"ü\u0001"})", "application/json");
    REQUIRE(good);
    CHECK(good->status == 200);
    CHECK(good->body == "{\"text\":\"ü\\u0001\"}\n");
    auto deleted = client.Delete("/echo", R"({"text":"x"})", "application/json");
    REQUIRE(deleted);
    CHECK(deleted->body == "{\"text\":\"x\"}\n");
    auto failed = client.Get("/fail");
    REQUIRE(failed);
    CHECK(failed->status == 404);
    CHECK(failed->body == "{\"code\":\"not_found\",\"message\":\"nobody has it: \\\"x\\\"\"}\n");
}

TEST_CASE("an events route sends its lines, then the result or the error") {
    Running server;
    auto client = server.client();
    auto good = client.Post("/count", R"({"to":2})", "application/json");
    REQUIRE(good);
    CHECK(good->get_header_value("Content-Type") == "application/x-ndjson");
    CHECK(good->body ==
          "{\"event\":\"progress\",\"i\":0}\n{\"event\":\"progress\",\"i\":1}\n"
          "{\"event\":\"result\"}\n");
    auto failed = client.Post("/fail", "", "application/json");
    REQUIRE(failed);
    CHECK(failed->status == 200);
    CHECK(
        failed->body ==
        "{\"event\":\"error\",\"code\":\"not_found\",\"message\":\"nobody has it: \\\"x\\\"\"}\n");
}

TEST_CASE("a frames route cuts bytes into frames and ends with a line") {
    Running server;
    auto answer = server.client().Post("/bytes", "{}", "application/json");
    REQUIRE(answer);
    const std::string frame = std::string("\0\0\x10\0", 4) + std::string(1 << 20, 0x5a);
    CHECK(answer->body ==
          frame + frame + frame + std::string(4, '\0') + "{\"event\":\"result\"}\n");
}

TEST_CASE("requests that are not understood are refused in the API's own terms") {
    Running server;
    auto client = server.client();
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
        auto answer = client.Post(row.path, row.body, "application/json");
        REQUIRE(answer);
        CHECK(answer->status == row.status);
        CHECK(answer->body.find("\"code\":\"" + std::string(row.code)) != std::string::npos);
    }
}

TEST_CASE("a wrong token, a foreign Host and a foreign Origin are refused") {
    Running server;
    httplib::Client client("127.0.0.1", server.port());
    const std::string bearer = "Bearer " + token;
    struct Row {
        const char* name;
        httplib::Headers headers;
        int status;
    };
    const Row rows[] = {
        {"no token", {}, 401},
        {"wrong token", {{"Authorization", "Bearer " + std::string(64, '8')}}, 401},
        {"host", {{"Authorization", bearer}, {"Host", "evil.example"}}, 403},
        {"origin", {{"Authorization", bearer}, {"Origin", "http://evil.example"}}, 403},
        {"none of these", {{"Authorization", bearer}}, 404},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        auto answer = client.Get("/fail", row.headers);
        REQUIRE(answer);
        CHECK(answer->status == row.status);
    }
}

TEST_CASE("hostile bytes leave the server answering") {
    Running server;
    const std::string head = "Host: 127.0.0.1:" + std::to_string(server.port()) +
                             "\r\nAuthorization: Bearer " + token + "\r\n";
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
        "POST /echo HTTP/1.1\r\n" + head + "Content-Length: 10\r\n\r\n{",
        std::string(100000, 'x'),
        random,
    };
    for (const std::string& request : requests) {
        CAPTURE(request.substr(0, 60));
        Raw raw(server.port());
        (void)::send(raw.handle(), request.data(), request.size(), MSG_NOSIGNAL);
        ::shutdown(raw.handle(), SHUT_WR);
        raw.read_all();
        CHECK(server.client().Get("/fail")->status == 404);
    }
}

TEST_CASE("closing the connection cancels the call, though nothing is being sent") {
    Running server;
    Raw raw(server.port());
    raw.send(raw.post(server.port(), "/forever"));
    CHECK(happens(server.seen.started));
    raw.close();
    CHECK(happens(server.seen.cancelled));
}

TEST_CASE("a client that does not read holds its call up, and cancels it by going") {
    Running server;
    Raw raw(server.port());
    raw.send(raw.post(server.port(), "/flood"));
    CHECK(happens(server.seen.started));
    raw.close();
    CHECK(happens(server.seen.cancelled));
}

TEST_CASE("a request that trickles in is cut off in time, wherever it is") {
    Running server(200ms);
    const std::string port = std::to_string(server.port());
    const std::string heads[] = {
        "GET /",
        "GET /fail HTTP/1.1\r\nX: ",
        "POST /echo HTTP/1.1\r\nHost: 127.0.0.1:" + port + "\r\nAuthorization: Bearer " + token +
            "\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n",
    };
    for (const std::string& head : heads) {
        CAPTURE(head);
        Raw raw(server.port());
        raw.send(head);
        pollfd answer{raw.handle(), POLLIN, 0};
        int sent_bytes = 0;  // a byte every 10 ms, until the server says or ends something
        while (sent_bytes < 500 && ::poll(&answer, 1, 10) == 0) {
            (void)::send(raw.handle(), "x", 1, MSG_NOSIGNAL);
            ++sent_bytes;
        }
        CHECK(sent_bytes < 500);
    }
    CHECK(server.client().Get("/fail")->status == 404);
}

TEST_CASE("stopping ends requests in progress within two seconds, and says so") {
    Running server;
    Raw waiting(server.port()), silent(server.port());
    waiting.send(waiting.post(server.port(), "/forever"));
    CHECK(happens(server.seen.started));
    const auto before = std::chrono::steady_clock::now();
    server.stop();
    CHECK(std::chrono::steady_clock::now() - before < 2s);
    const std::string said = waiting.read_all();
    CHECK(said.find("\"code\":\"canceled\"") != std::string::npos);
    CHECK(said.find("the daemon is stopping") != std::string::npos);
    CHECK(silent.read_all().empty());
}

TEST_CASE("more long calls than allowed are refused, short ones still answered") {
    Running server;
    std::deque<Raw> waiting;
    for (std::size_t i = 0; i < HttpServer::max_long_calls; ++i) {
        Raw& raw = waiting.emplace_back(server.port());
        raw.send(raw.post(server.port(), "/wait"));
        CHECK(raw.read_line().find("200") != std::string::npos);
    }
    auto client = server.client();
    auto refused = client.Post("/count", "{}", "application/json");
    REQUIRE(refused);
    CHECK(refused->status == 429);
    CHECK(client.Get("/fail")->status == 404);
}

TEST_CASE("the port of another is port_in_use") {
    Running server;
    HttpServerConfig config{.port = server.port(), .token = token};
    auto second = HttpServer::open(config);
    CHECK(second.error() == Errc::port_in_use);
}
