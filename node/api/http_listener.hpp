// HttpListener: the sockets and threads under the HTTP server. cpp-httplib reads and writes HTTP
// over the streams that this makes of its connections, because its own neither notice that a client
// has gone while nothing is being written, nor let go of a slow client when the server stops. One
// request per connection, each on one thread of a fixed set; while all are busy no connection is
// accepted. Include it only where HTTP is spoken: httplib.h is large.
#pragma once

#include <httplib.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace kp2p {

class HttpListener final : public httplib::Server {
  public:
    // A local client needs one for as long as its work takes; idle ones cost a few KiB each.
    static constexpr std::size_t thread_count = 40;

    // A connection whose request has not come whole within `request_limit` is cut off: without the
    // token nobody holds a thread for longer.
    explicit HttpListener(std::chrono::milliseconds request_limit);
    ~HttpListener() override;  // stop() was called if start() was

    // After the handlers are set and a bind succeeded.
    void start();
    // Gives requests under way `grace` to write the end of their answers, then takes no more
    // connections, cuts off those that are left, and joins every thread.
    void stop(std::chrono::milliseconds grace);

  private:
    class Workers;
    class Open;
    bool process_and_close_socket(socket_t socket) override;

    const std::chrono::milliseconds request_limit_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::set<socket_t> open_;
    bool stopping_ = false;
    std::thread acceptor_;
};

}  // namespace kp2p
