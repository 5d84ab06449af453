// Event: wakes coroutines of one thread that wait for some state to change. Like a condition
// variable: the waiter looks at the state, waits, and looks again.
//   while (!ready) { auto woken = co_await changed.wait(); if (!woken) co_return woken; }
#pragma once

#include "node/async/asio.hpp"
#include "proto/result.hpp"

namespace kp2p {

class Event {
  public:
    explicit Event(Executor executor) : timer_(executor, asio::steady_timer::time_point::max()) {}

    void notify_all() { timer_.cancel(); }
    // operation_aborted when the waiter is cancelled. May also return without a reason.
    Task<Result<void>> wait();

  private:
    asio::steady_timer timer_;  // never expires
};

}  // namespace kp2p
