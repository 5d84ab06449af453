// Clock: where node/ gets time from, so that tests can run hours of it in milliseconds.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "node/async/asio.hpp"
#include "proto/result.hpp"

namespace kp2p {

// A moment that can be moved at little cost: moving it later, or clearing it, touches no timer.
// Calls its function from the loop, once for each time it was set, never after its destruction.
class Alarm {
  public:
    virtual ~Alarm() = default;
    virtual void set(std::chrono::steady_clock::time_point moment) = 0;
    virtual void clear() = 0;
};

class Clock {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using Span = std::chrono::steady_clock::duration;

    virtual ~Clock() = default;
    virtual Time now() const = 0;
    // Of the calendar. May be set, and goes on while the machine sleeps, unlike the above.
    using WallTime = std::chrono::system_clock::time_point;
    virtual WallTime wall_now() const = 0;
    // Both return operation_aborted when cancelled; a moment in the past returns at once.
    virtual Task<Result<void>> sleep_until(Time moment) = 0;
    Task<Result<void>> sleep_for(Span span) { return sleep_until(now() + span); }
    // For what is not urgent: until the process wakes anyway, which may be half a second sooner, or
    // later. Each wake of its own costs an idle computer.
    virtual Span about(Span span) const { return span; }
    virtual std::unique_ptr<Alarm> alarm(Executor executor, std::function<void()> on_time) = 0;
};

inline std::chrono::milliseconds milliseconds_since(const Clock& clock, Clock::Time moment) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - moment);
}

// The machine's monotonic clock, and its calendar.
class SteadyClock final : public Clock {
  public:
    Time now() const override { return std::chrono::steady_clock::now(); }
    WallTime wall_now() const override { return std::chrono::system_clock::now(); }
    Task<Result<void>> sleep_until(Time moment) override;
    std::unique_ptr<Alarm> alarm(Executor executor, std::function<void()> on_time) override;
};

}  // namespace kp2p
