#include "node/api/http_server.hpp"

#include <atomic>
#include <cerrno>

#include "node/api/guard.hpp"
#include "node/api/http_listener.hpp"
#include "node/async/tasks.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

// How long a client may be gone before its work is cancelled.
constexpr std::chrono::milliseconds client_check = 200ms;
// What requests under way get to write the end of their answers when the daemon stops.
constexpr std::chrono::milliseconds stop_grace = 300ms;

constexpr const char* json_type = "application/json";

const char* content_type(Shape shape) {
    if (shape == Shape::json) return json_type;
    return shape == Shape::events ? "application/x-ndjson" : "application/octet-stream";
}

std::vector<std::string> values(const httplib::Request& request, const char* name) {
    std::vector<std::string> values;
    const auto [from, to] = request.headers.equal_range(name);
    for (auto it = from; it != to; ++it) values.push_back(it->second);
    return values;
}

RequestHead head_of(const httplib::Request& request) {
    RequestHead head;
    head.host = values(request, "Host");
    head.origin = values(request, "Origin");
    head.authorization = values(request, "Authorization");
    head.content_type = values(request, "Content-Type");
    head.content_length = values(request, "Content-Length");
    head.takes_body = request.method != "GET" && request.method != "HEAD";
    head.encoded =
        request.has_header("Transfer-Encoding") || request.has_header("Content-Encoding");
    return head;
}

void refuse(httplib::Response& response, const Refusal& refusal) {
    response.status = refusal.status;
    response.set_content(error_json(refusal.code, refusal.message, Shape::json) + '\n', json_type);
}

// What HTTP itself refuses (no such path, a malformed request) in the API's own terms.
void explain_status(const httplib::Request&, httplib::Response& response) {
    if (!response.body.empty()) return;
    const int status = response.status;
    refuse(response,
           {status, Errc::usage, status == 404 ? "no such resource" : "the request is malformed"});
}

}  // namespace

// What the HTTP threads and the loop share. Outlives the server until the loop has seen all that
// they posted.
class HttpServer::Door : public std::enable_shared_from_this<Door> {
  public:
    explicit Door(HttpServerConfig config)
        : token_(std::move(config.token)), listener_(config.request_limit) {}

    Result<std::uint16_t> bind(std::uint16_t port);
    void add(Method method, const std::string& path, Shape shape, Call::Handler handler);
    void enter(Executor loop, Tasks& tasks);
    void leave();

  private:
    struct Route {
        Shape shape;
        Call::Handler handler;
    };
    using Slot = std::shared_ptr<void>;  // one of max_long_calls

    void answer(const Route& route, const httplib::Request& request, httplib::Response& response);
    void answer_json(Call& call, httplib::Response& response);
    void stream(std::shared_ptr<Call> call, Slot slot, httplib::Response& response);
    bool write_some(Call& call, httplib::DataSink& sink);
    Slot take_slot();
    void start(const Route& route, std::shared_ptr<Call> call);

    std::string token_;
    std::deque<Route> routes_;
    std::atomic<std::size_t> long_calls_{0};
    std::atomic<bool> closed_{false};
    Executor loop_;
    Tasks* tasks_ = nullptr;  // touched on the loop alone
    HttpListener listener_;
};

Result<std::uint16_t> HttpServer::Door::bind(std::uint16_t port) {
    int bound = port;
    errno = 0;
    if (port == 0)
        bound = listener_.bind_to_any_port("127.0.0.1");
    else if (!listener_.bind_to_port("127.0.0.1", port))
        bound = -1;
    if (bound < 0) {
        if (errno == EADDRINUSE) return Errc::port_in_use;
        return std::error_code(errno ? errno : EADDRNOTAVAIL, std::generic_category());
    }
    port = static_cast<std::uint16_t>(bound);
    listener_.set_payload_max_length(max_body_bytes);
    listener_.set_error_handler(explain_status);
    auto check = [guard = Guard(token_, port)](const httplib::Request& request,
                                               httplib::Response& response) {
        const auto refusal = guard.check(head_of(request));
        if (!refusal) return httplib::Server::HandlerResponse::Unhandled;
        refuse(response, *refusal);
        return httplib::Server::HandlerResponse::Handled;
    };
    listener_.set_pre_routing_handler(check);
    return port;
}

void HttpServer::Door::add(Method method, const std::string& path, Shape shape,
                           Call::Handler handler) {
    const Route& route = routes_.emplace_back(Route{shape, std::move(handler)});
    const auto serve = [this, &route](const httplib::Request& request,
                                      httplib::Response& response) {
        answer(route, request, response);
    };
    if (method == Method::get) listener_.Get(path, serve);
    if (method == Method::post) listener_.Post(path, serve);
    if (method == Method::del) listener_.Delete(path, serve);
}

void HttpServer::Door::enter(Executor loop, Tasks& tasks) {
    loop_ = loop;
    tasks_ = &tasks;
    listener_.start();
}

void HttpServer::Door::leave() {
    tasks_ = nullptr;
    closed_ = true;
    listener_.stop(stop_grace);
}

void HttpServer::Door::answer(const Route& route, const httplib::Request& request,
                              httplib::Response& response) {
    Slot slot;
    if (route.shape != Shape::json && !(slot = take_slot()))
        return refuse(response, {429, Errc::limit_reached, "too many requests are under way"});
    const auto call = std::make_shared<Call>(loop_, route.shape);
    if (!call->parse(request.body))
        return refuse(response, {400, Errc::usage, "the body is not a JSON object"});
    asio::post(loop_, [self = shared_from_this(), &route, call] { self->start(route, call); });
    if (route.shape == Shape::json)
        answer_json(*call, response);
    else
        stream(call, std::move(slot), response);
}

void HttpServer::Door::start(const Route& route, std::shared_ptr<Call> call) {
    if (!tasks_) return call->finish(Errc::canceled);
    const auto serve = [](std::shared_ptr<Call> served, const Call::Handler& handler) -> Task<> {
        co_await served->serve(handler);
    };
    tasks_->spawn(serve(std::move(call), route.handler));
}

void HttpServer::Door::answer_json(Call& call, httplib::Response& response) {
    while (!call.answer()->take(client_check).ended)
        if (closed_) return refuse(response, {503, Errc::canceled, "the daemon is stopping"});
    response.status = call.answer()->end().status;
    response.set_content(call.answer()->end().text, json_type);
}

void HttpServer::Door::stream(std::shared_ptr<Call> call, Slot slot, httplib::Response& response) {
    // Goes with the response, however that ends.
    const std::shared_ptr<void> canceller(
        nullptr, [loop = loop_, call](void*) { asio::post(loop, [call] { call->cancel(); }); });
    const char* type = content_type(call->shape());
    const auto provide = [this, call, slot, canceller](std::size_t, httplib::DataSink& sink) {
        return write_some(*call, sink);
    };
    response.set_header("Cache-Control", "no-store");
    response.set_chunked_content_provider(type, provide);
}

bool HttpServer::Door::write_some(Call& call, httplib::DataSink& sink) {
    const auto taken = call.answer()->take(client_check);
    if (taken.piece) return sink.write(taken.piece->data(), taken.piece->size());
    if (taken.ended) {
        const std::string& last = call.answer()->end().text;
        if (!sink.write(last.data(), last.size())) return false;
        sink.done();
        return true;
    }
    return !closed_ && sink.is_writable();
}

HttpServer::Door::Slot HttpServer::Door::take_slot() {
    const auto give_back = [this](void*) { --long_calls_; };
    if (++long_calls_ <= max_long_calls) return Slot(this, give_back);
    --long_calls_;
    return nullptr;
}

HttpServer::HttpServer(HttpServerConfig config)
    : door_(std::make_shared<Door>(std::move(config))) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::open(HttpServerConfig config) {
    const std::uint16_t port = config.port;
    std::unique_ptr<HttpServer> server(new HttpServer(std::move(config)));
    auto bound = server->door_->bind(port);
    if (!bound) return bound.error();
    server->port_ = *bound;
    return server;
}

void HttpServer::on(Method method, const std::string& path, Shape shape, Call::Handler handler) {
    door_->add(method, path, shape, std::move(handler));
}

Task<Result<void>> HttpServer::serve() {
    const Executor loop = co_await asio::this_coro::executor;
    auto body = [this, loop](Tasks& tasks) -> Task<> {
        door_->enter(loop, tasks);
        Event never(loop);
        for (;;) {
            auto woken = co_await never.wait();
            if (!woken) co_return;
        }
    };
    auto ended = co_await with_tasks(body);
    door_->leave();
    co_return ended;
}

}  // namespace kp2p
