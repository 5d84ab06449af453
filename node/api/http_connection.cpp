#include "node/api/http_connection.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "proto/json.hpp"

namespace kp2p {
namespace {

// What is read and thrown away of a request that was refused, so that its sender reads why.
constexpr std::size_t max_refused_bytes = 256 << 10;

constexpr const char* hello_route = "POST /v1/hello";

bool is_head(const Request& request) {
    return request.has_head() && request.head().method == "HEAD";
}

// HEAD is answered as GET is, without the body.
std::string answer_to(const Request& request, std::string text) {
    if (is_head(request)) text.resize(std::min(text.size(), text.find("\r\n\r\n") + 4));
    return text;
}

Task<> cancel_when_gone(Wire& wire, Tasks& work) {
    co_await wire.wait_until_gone();
    work.cancel();
}

}  // namespace

HttpConnection::HttpConnection(Wire::Socket socket, Way way, const HttpTerms& terms)
    : terms_(terms),
      way_(way),
      wire_(std::move(socket)),
      accepted_(terms.runtime.clock.now()),
      proven_(way == Way::local) {}

Task<> HttpConnection::serve() {
    alarm_ = terms_.runtime.clock.alarm(co_await asio::this_coro::executor, [this] { close(); });
    for (;;) {
        auto served = co_await serve_request();
        if (!served) co_return;
    }
}

bool HttpConnection::is_idle() const { return idle_ && served_ && !closed_ && wire_.is_quiet(); }

void HttpConnection::close() {
    closed_ = true;
    wire_.close();
}

void HttpConnection::limit(std::chrono::milliseconds span) {
    Clock::Time moment = terms_.runtime.clock.now() + span;
    if (!proven_) moment = std::min(moment, accepted_ + terms_.limits.request);
    alarm_->set(moment);
}

// An error means that no other request can follow.
Task<Result<void>> HttpConnection::serve_request() {
    idle_ = true;
    terms_.on_idle();
    limit(served_ ? terms_.limits.silence : terms_.limits.request);
    auto begun = co_await wire_.wait_for_input();
    if (!begun) co_return begun.error();
    idle_ = false;
    limit(terms_.limits.request);
    served_ = true;
    Request request(wire_);
    co_return co_await take(request);
}

Task<Result<void>> HttpConnection::take(Request& request) {
    auto read = co_await request.read_head();
    if (!read) {
        const auto error = read.error();
        Refusal refusal{400, Errc::usage, "the request is malformed"};
        if (error == Errc::limit_reached)
            refusal = {431, Errc::limit_reached, "the request's headers are too long"};
        else if (error != Errc::usage)
            co_return error;
        co_return co_await refuse(request, std::move(refusal));
    }
    const RequestHead& head = request.head();
    const std::string method = is_head(request) ? "GET" : head.method;
    const std::string key = method + ' ' + head.path;
    const bool is_hello = key == hello_route;
    auto route = terms_.routes.find(key);
    if (route != terms_.routes.end() && is_head(request) && !is_plain(route->second.shape))
        route = terms_.routes.end();
    const bool known = is_hello || route != terms_.routes.end();
    const auto page = method == "GET" ? terms_.pages.find(head.path) : terms_.pages.end();
    const bool is_page = page != terms_.pages.end();
    const bool open = is_hello || is_page || (known && route->second.access == Access::anybody);
    auto refusal = check(head, open ? Access::anybody : Access::proven);
    if (!refusal && is_page) co_return co_await show(request, page->second);
    if (!refusal && !known) refusal = Refusal{404, Errc::usage, "no such resource"};
    if (!refusal) {
        const BodyKind kind = is_hello ? BodyKind::json : route->second.body;
        refusal = terms_.guard.check_body(head, kind);
    }
    if (refusal) co_return co_await refuse(request, *std::move(refusal));
    if (is_hello) co_return co_await hello(request);
    terms_.runtime.debug("api", key);
    co_return co_await run(request, route->second);
}

std::optional<Refusal> HttpConnection::check(const RequestHead& head, Access access) {
    if (auto refusal = terms_.guard.check_sender(head, way_)) return refusal;
    const bool silent = head.authorization.empty();
    if (access == Access::anybody || way_ == Way::local) return std::nullopt;
    if (proven_ && !by_page_ && silent) return std::nullopt;
    if (!terms_.guard.is_proven(head, hello_)) {
        if (head.authorization.size() != 1 || !terms_.web.knows(head.authorization[0]))
            return Refusal{401, Errc::unauthorized, "the API token is missing or wrong"};
        by_page_ = true;
    }
    proven_ = true;
    return std::nullopt;
}

Task<Result<void>> HttpConnection::show(const Request& request, const WebAsset& page) {
    std::string text = answer_head({.content_type = page.content_type,
                                    .length_bytes = page.content.size(),
                                    .keep_alive = request.keep_alive(),
                                    .is_page = true});
    text += page.content;
    auto sent = co_await wire_.write(answer_to(request, std::move(text)));
    if (sent && request.keep_alive() && request.is_over()) co_return ok;
    co_await wire_.part(max_refused_bytes);
    co_return Errc::closed;
}

Task<Result<void>> HttpConnection::hello(Request& request) {
    auto body = co_await request.body();
    if (!body) co_return body.error();
    Call call(wire_, request, Shape::json, {});
    auto parsed = call.parse(*body);
    auto text = parsed ? call.text("nonce") : Result<std::string>(parsed.error());
    auto nonce = text ? proto::ApiNonce::from_hex(*text) : Result<proto::ApiNonce>(text.error());
    if (!nonce) {
        Refusal refusal{400, Errc::usage, "\"nonce\" must be 64 hex digits"};
        co_return co_await refuse(request, std::move(refusal));
    }
    hello_ = terms_.guard.hello(*nonce, terms_.runtime.random.bytes<proto::ApiNonce>());
    proto::JsonWriter json;
    json.begin_object().field("nonce", hello_->server.hex());
    json.field("proof", terms_.guard.proof(*hello_).hex()).end_object();
    JsonAnswer answer{.json = json.take(), .keep_alive = request.keep_alive()};
    co_return co_await say(request, std::move(answer));
}

Task<Result<void>> HttpConnection::run(Request& request, const HttpRoute& route) {
    std::string body;
    if (route.body == BodyKind::json) {
        auto read = co_await request.body();
        if (!read) co_return read.error();
        body = *std::move(read);
    }
    co_return co_await answer(request, route, body);
}

Task<Result<void>> HttpConnection::answer(Request& request, const HttpRoute& route,
                                          const std::string& body) {
    Call call(wire_, request, route.shape, [this] { limit(terms_.limits.silence); });
    if (!call.parse(body)) {
        Refusal refusal{400, Errc::usage, "the body is not a JSON object"};
        co_return co_await refuse(request, std::move(refusal));
    }
    alarm_->clear();  // from here on the client may take its time, and so may the work
    call.begin(request.keep_alive());
    Result<std::string> outcome = Errc::canceled;
    auto work = [&](Tasks& tasks) -> Task<> {
        if (!is_plain(route.shape)) tasks.spawn(cancel_when_gone(wire_, tasks));
        outcome = co_await route.handler(call);
        tasks.cancel();
    };
    auto ended = co_await with_tasks(work);
    if (!ended && !outcome) outcome = Errc::canceled;
    const bool keep_alive = request.is_over() && request.keep_alive();
    std::string last = call.end(outcome, keep_alive);
    if (!ended) {
        wire_.offer(last);
        co_return ended.error();
    }
    alarm_->clear();
    auto sent = co_await wire_.write(answer_to(request, std::move(last)));
    if (sent && keep_alive) co_return ok;
    co_await wire_.part(max_refused_bytes);
    co_return Errc::closed;
}

Task<Result<void>> HttpConnection::refuse(const Request& request, Refusal refusal) {
    JsonAnswer answer{.status = refusal.status, .json = {}};
    answer.json = error_json(refusal.code, {.message = refusal.message}, Shape::json);
    answer.keep_alive = proven_ && request.has_head() && request.is_over() && request.keep_alive();
    return say(request, std::move(answer));
}

Task<Result<void>> HttpConnection::say(const Request& request, JsonAnswer answer) {
    auto sent = co_await wire_.write(answer_to(request, answer_text(answer)));
    if (!sent) co_return sent.error();
    if (answer.keep_alive) co_return ok;
    co_await wire_.part(max_refused_bytes);
    co_return Errc::closed;
}

}  // namespace kp2p
