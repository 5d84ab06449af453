#include "test/node/api/api_server.hpp"

#include <arpa/inet.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/async/tasks.hpp"
#include "proto/json.hpp"
#include "proto/outcome.hpp"
#include "test/run.hpp"

namespace kp2p::test {
namespace {

using namespace std::chrono_literals;
using Answer = Task<Result<std::string>>;

Answer echo(Call& call) {
    auto text = call.text("text");
    if (!text) co_return text.error();
    co_return proto::JsonWriter().begin_object().field("text", *text).end_object().take();
}

Answer count(Call& call) {
    auto to = call.optional_number("to");
    if (!to) co_return to.error();
    for (std::uint64_t i = 0; i < to->value_or(3); ++i) {
        auto sent = co_await call.send("{\"event\":\"progress\",\"i\":" + std::to_string(i) + "}");
        if (!sent) co_return sent.error();
    }
    co_return std::string("{\"event\":\"result\"}");
}

// Lines that nobody waits for, until the client has taken none for long.
Answer shout(Call& call) {
    for (int i = 0; i < 100000; ++i) call.try_send("{\"event\":\"progress\"}");
    co_return std::string("{\"event\":\"result\"}");
}

Answer fail(Call& call) {
    call.explain("nobody has it: \"x\"");
    co_return Errc::not_found;
}

Answer bytes(Call& call) {
    const ByteVector chunk(3 << 20, 0x5a);
    auto sent = co_await call.send_bytes(chunk);
    if (!sent) co_return sent.error();
    co_return std::string("{\"event\":\"result\"}");
}

Answer forever(Call&, Seen& seen) {
    seen.started.set_value();
    SteadyClock clock;
    auto slept = co_await clock.sleep_for(1h);
    if (!slept) seen.cancelled.set_value();
    co_return Errc::failed;
}

Answer wait(Call& call) {
    auto sent = co_await call.send("{}");
    if (!sent) co_return sent.error();
    SteadyClock clock;
    auto slept = co_await clock.sleep_for(1h);
    co_return slept.error();
}

Answer flood(Call& call, Seen& seen) {
    const ByteVector chunk(1 << 20, 1);
    seen.started.set_value();
    constexpr int enough = 64;
    while (seen.frames < enough) {
        auto sent = co_await call.send_bytes(chunk);
        if (!sent) {
            seen.cancelled.set_value();
            co_return sent.error();
        }
        ++seen.frames;
    }
    co_return Errc::failed;
}

// The sum of the bytes that came, so that a lost one shows.
Answer take(Call& call) {
    auto name = call.parameter("name");
    if (!name) co_return name.error();
    std::uint64_t size = 0, sum = 0;
    for (;;) {
        auto bytes = co_await call.next_bytes();
        if (!bytes) co_return bytes.error();
        if (bytes->empty()) break;
        size += bytes->size();
        for (const char c : *bytes) sum += static_cast<unsigned char>(c);
    }
    proto::JsonWriter json;
    json.begin_object().field("name", name->value_or("none")).field("size", size);
    co_return json.field("sum", sum).end_object().take();
}

Answer refuse(Call&) { co_return Errc::out_of_space; }

}  // namespace

Raw::Raw(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
}

Raw::Raw(const std::filesystem::path& socket) : Raw(unconnected(socket)) { connect(); }

Raw Raw::unconnected(const std::filesystem::path& socket) {
    Raw raw;
    raw.path_ = socket;
    raw.socket_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    return raw;
}

void Raw::connect() {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path_.native().copy(to.sun_path, sizeof to.sun_path - 1);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
}

void Raw::close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
}

void Raw::send(std::string_view text) { REQUIRE(try_send(text)); }

bool Raw::try_send(std::string_view text) {
    while (!text.empty()) {
        const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

std::string Raw::read_line() {
    std::string line;
    for (char c; ::recv(socket_, &c, 1, 0) == 1 && c != '\n';) line.push_back(c);
    return line;
}

std::string Raw::read(std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    for (ssize_t step; got < size; got += static_cast<std::size_t>(step))
        if ((step = ::recv(socket_, bytes.data() + got, size - got, 0)) <= 0) break;
    bytes.resize(got);
    return bytes;
}

std::string Raw::read_all() {
    std::string all;
    char buffer[4096];
    for (ssize_t got; (got = ::recv(socket_, buffer, sizeof buffer, 0)) > 0;)
        all.append(buffer, static_cast<std::size_t>(got));
    return all;
}

Reply Raw::read_reply() {
    Reply reply;
    std::size_t length = 0;
    bool chunked = false;
    for (std::string line; !(line = read_line()).empty() && line != "\r"; reply.head += line) {
        if (line.starts_with("HTTP/1.1 ")) reply.status = std::stoi(line.substr(9));
        if (line.starts_with("Content-Length: ")) length = std::stoul(line.substr(16));
        chunked |= line.starts_with("Transfer-Encoding: chunked");
    }
    if (!chunked) {
        reply.body = read(length);
        return reply;
    }
    for (;;) {
        const std::string line = read_line();
        const std::size_t size = line.empty() ? 0 : std::stoul(line, nullptr, 16);
        reply.body += read(size);
        read(2);
        if (size == 0) return reply;
    }
}

std::string text_of(const Ask& ask) {
    std::string text = ask.method + ' ' + ask.path + " HTTP/1.1\r\nHost: " + ask.host + "\r\n";
    if (!ask.body.empty()) text += "Content-Type: application/json\r\n";
    if (ask.method != "GET") text += "Content-Length: " + std::to_string(ask.body.size()) + "\r\n";
    return text + ask.headers + "\r\n" + ask.body;
}

bool happens(std::promise<void>& promise) {
    return promise.get_future().wait_for(5s) == std::future_status::ready;
}

ApiServer::ApiServer(HttpLimits limits) : limits_(limits) {
    std::promise<void> ready;
    auto is_ready = ready.get_future();
    thread_ = std::thread([this, &ready] { test::run(root(ready)); });
    is_ready.get();
}

void ApiServer::stop() {
    if (!thread_.joinable()) return;
    asio::post(loop_, [this] { tasks_->cancel(); });
    thread_.join();
}

proto::ApiToken ApiServer::token() { return *proto::ApiToken::from_hex(std::string(64, '7')); }

Reply ApiServer::ask(const Ask& ask) const {
    Raw raw(socket());
    raw.send(text_of(ask));
    return raw.read_reply();
}

std::string ApiServer::prove(Raw& raw) const {
    proto::ApiHello hello;
    hello.port = port_;
    std::fill_n(hello.client.data(), proto::ApiNonce::size_bytes, 3);
    const std::string body = "{\"nonce\":\"" + hello.client.hex() + "\"}";
    raw.send(text_of({.path = "/v1/hello", .body = body, .host = host()}));
    const Reply reply = raw.read_reply();
    REQUIRE(reply.status == 200);
    simdjson::dom::parser parser;
    const auto json = parser.parse(reply.body);
    hello.server = *proto::ApiNonce::from_hex(std::string_view(json["nonce"]));
    CHECK(std::string_view(json["proof"]) == proto::server_proof(token(), hello).hex());
    return "KP2P " + proto::client_proof(token(), hello).hex();
}

Task<> ApiServer::root(std::promise<void>& ready) {
    loop_ = co_await asio::this_coro::executor;
    real_ = std::make_unique<RealRuntime>(loop_);
    const HttpServerConfig config{
        .port = 0, .token = token(), .socket = socket(), .limits = limits_};
    auto opened = HttpServer::open(real_->runtime, config);
    REQUIRE(opened);
    server_ = *std::move(opened);
    port_ = server_->port();
    add_routes();
    auto body = [&](Tasks& tasks) -> Task<> {
        tasks_ = &tasks;
        tasks.spawn(serve());
        ready.set_value();
        co_return;
    };
    auto ended = co_await with_tasks(body);
    CHECK(ended);
    server_.reset();
}

Task<> ApiServer::serve() {
    auto ended = co_await server_->serve();
    CHECK(!ended);
}

void ApiServer::add_routes() {
    using Method = HttpServer::Method;
    server_->on(Method::post, "/echo", Shape::json, echo);
    server_->on(Method::del, "/echo", Shape::json, echo);
    server_->on(Method::post, "/count", Shape::events, count);
    server_->on(Method::post, "/shout", Shape::events, shout);
    server_->on(Method::get, "/fail", Shape::json, fail);
    server_->on(Method::post, "/fail", Shape::events, fail);
    server_->on(Method::post, "/bytes", Shape::frames, bytes);
    server_->on(Method::post, "/wait", Shape::events, wait);
    server_->on(Method::post, "/forever", Shape::events,
                [this](Call& call) { return forever(call, seen); });
    server_->on(Method::post, "/flood", Shape::frames,
                [this](Call& call) { return flood(call, seen); });
    server_->on_bytes("/take", take);
    server_->on_bytes("/refuse", refuse);
}

}  // namespace kp2p::test
