// HttpConnection: one connection to the API: its requests, one after the other, and what each call
// answers. Lives in the frame of its serve().
//
// Over TCP nothing but POST /v1/hello and the files of the web page is answered before the client
// has proven that it knows the token (guard.hpp), which it does once for the connection, or the
// session of a page (web_sessions.hpp), with each request. All that a client may take time for has
// a limit: to prove itself, to send a request, to send more of a body of any length, and to be
// silent between two requests. Who takes longer is cut off.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/api/call.hpp"
#include "node/api/guard.hpp"
#include "node/api/web_assets.hpp"
#include "node/api/web_sessions.hpp"
#include "node/api/wire.hpp"
#include "node/async/runtime.hpp"

namespace kp2p {

// Whom a route takes: who has proven himself, or anybody at this computer.
enum class Access { proven, anybody };

struct HttpRoute {
    Shape shape;
    BodyKind body;
    Access access;
    std::function<Task<Result<std::string>>(Call&)> handler;
};

struct HttpLimits {
    std::chrono::milliseconds request{5000};   // to prove itself; to begin and to send a request
    std::chrono::milliseconds silence{60000};  // between requests; between bytes of a long body
    // Connections at a time, each way: each may hold a few hundred KiB while its call runs.
    std::size_t connections = 1024;
    // Of those over TCP that have not proven themselves; the oldest gives way.
    std::size_t unproven = 64;
};

// What all connections of a server have in common.
struct HttpTerms {
    Runtime& runtime;
    HttpLimits limits;
    Guard guard;
    WebSessions web;
    std::function<void()> on_idle;                 // a connection is
    std::map<std::string, HttpRoute> routes = {};  // by "METHOD /path"
    std::map<std::string, WebAsset> pages = {};    // by path
};

class HttpConnection {
  public:
    HttpConnection(Wire::Socket socket, Way way, const HttpTerms& terms);

    Task<> serve();
    // Whether it could go without loss: its client is unknown, or has nothing more to ask now.
    bool is_unproven() const { return !proven_ && !closed_; }
    bool is_idle() const;
    void close();

  private:
    Task<Result<void>> serve_request();
    Task<Result<void>> take(Request& request);
    Task<Result<void>> hello(Request& request);
    Task<Result<void>> run(Request& request, const HttpRoute& route);
    Task<Result<void>> answer(Request& request, const HttpRoute& route, const std::string& body);
    Task<Result<void>> refuse(const Request& request, Refusal refusal);
    Task<Result<void>> say(const Request& request, JsonAnswer answer);
    std::optional<Refusal> check(const RequestHead& head, Access access);
    Task<Result<void>> show(const Request& request, const WebAsset& page);
    void limit(std::chrono::milliseconds span);

    const HttpTerms& terms_;
    Way way_;
    Wire wire_;
    std::unique_ptr<Alarm> alarm_;
    Clock::Time accepted_;
    std::optional<proto::ApiHello> hello_;
    bool proven_;
    bool by_page_ =
        false;          // by a session of the web page: other pages may come to use the connection
    bool idle_ = true;  // no request is under way
    bool served_ = false;  // there was one
    bool closed_ = false;
};

}  // namespace kp2p
