// HttpServer: the daemon's HTTP API without what it is about: listens on loopback and on a Unix
// socket, or takes connections that were made otherwise, and runs a coroutine for each connection
// and each call on the node's own loop. Shape: open(), on() for each route, then serve() until
// cancelled.
//
// No call is refused for being one of many: what is too much waits in line, in the system's queue
// of connections. Strangers cannot push others out: each way in has a line of its own, and of those
// that have not proven themselves only the latest stay.
#pragma once

#include <asio/basic_socket_acceptor.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "node/api/http_connection.hpp"
#include "node/async/event.hpp"
#include "proto/result.hpp"

namespace kp2p {

class Tasks;

struct HttpServerConfig {
    std::uint16_t port = 0;  // 0: any that is free
    proto::ApiToken token;
    std::filesystem::path socket = {};  // where to make the Unix socket; empty: none
    std::string group = {};             // whose members may use it as well; empty: its owner alone
    HttpLimits limits = HttpLimits();
};

class HttpServer {
  public:
    // Errc::port_in_use when another process listens there. A socket that lies at config.socket is
    // replaced. Where none can be made there, TCP remains: socket_error().
    static Result<std::unique_ptr<HttpServer>> open(Runtime& runtime,
                                                    const HttpServerConfig& config);
    explicit HttpServer(Runtime& runtime);  // one that does not listen
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();  // removes the socket

    std::uint16_t port() const { return port_; }
    std::error_code socket_error() const { return socket_error_; }

    // Before serve(). `handler` is a plain function that returns a coroutine, and outlives it.
    enum class Method { get, post, del };
    using Handler = std::function<Task<Result<std::string>>(Call&)>;
    void on(Method method, const std::string& path, Shape shape, Handler handler,
            Access access = Access::proven);
    // The same for a route whose body is any number of bytes.
    void on_bytes(const std::string& path, Handler handler);
    void on_page(const WebAsset& page) { terms_.pages.emplace(page.path, page); }
    WebSessions& web() { return terms_.web; }
    // Ends only by cancellation, with every call ended.
    Task<Result<void>> serve();
    // One connection more, to somebody who may ask all; it ends when that one closes it.
    Task<> serve(Wire::Socket socket) { return serve_connection(std::move(socket), local_); }

  private:
    using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
    struct Line {
        Way way;
        std::optional<Acceptor> acceptor = {};
        std::list<HttpConnection*> open = {};  // the oldest first
    };
    class Listed;

    HttpServer(Runtime& runtime, const HttpServerConfig& config, std::uint16_t port);
    Task<> accept_loop(Line& line, Tasks& tasks);
    Task<> serve_connection(Wire::Socket socket, Line& line);
    bool claim_room(const Line& line);  // makes others give way if there is none
    void make_room();                   // for one descriptor

    std::uint16_t port_;
    std::filesystem::path socket_;
    bool for_group_ = false;  // the rights of the socket say who may use it
    std::error_code socket_error_;
    HttpTerms terms_;
    Line tcp_{Way::tcp}, local_{Way::local};
    Event changed_;  // a connection is idle, or has ended
};

}  // namespace kp2p
