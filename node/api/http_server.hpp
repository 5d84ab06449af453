// HttpServer: the daemon's HTTP API without what it is about: listens on loopback, lets only
// guarded requests in, and runs a coroutine on the loop's thread for each (Call). Shape: open(),
// on() for each route, then serve() until cancelled.
//
// The HTTP threads are the only foreign threads that reach into the node, and this is their one
// door: they post to the loop, wait on the answer queue of their call, and touch nothing else. A
// client that goes away is noticed within a quarter of a second, and its call cancelled.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "node/api/call.hpp"
#include "node/async/asio.hpp"
#include "proto/result.hpp"

namespace kp2p {

struct HttpServerConfig {
    std::uint16_t port = 0;  // 0: any that is free
    std::string token;
    std::chrono::milliseconds request_limit{5000};  // for a client to send its whole request
};

class HttpServer {
  public:
    // Calls of shape events or frames at a time; more are refused, so that short ones get through.
    static constexpr std::size_t max_long_calls = 32;

    // Errc::port_in_use when another process listens there.
    static Result<std::unique_ptr<HttpServer>> open(HttpServerConfig config);
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();

    std::uint16_t port() const { return port_; }
    // Before serve(). `handler` is a plain function that returns a coroutine, and outlives it.
    enum class Method { get, post, del };
    void on(Method method, const std::string& path, Shape shape, Call::Handler handler);
    // Ends only by cancellation, within half a second, with every call ended.
    Task<Result<void>> serve();

  private:
    class Door;
    explicit HttpServer(HttpServerConfig config);

    std::uint16_t port_ = 0;
    std::shared_ptr<Door> door_;
};

}  // namespace kp2p
