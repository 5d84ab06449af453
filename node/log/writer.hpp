// LogWriter: writes text to a descriptor from a thread of its own, so that whoever has something to
// say never waits for who reads it: a full pipe, a halted terminal, a dead file system. Holds at
// most max_queued_bytes; what comes on top of that is refused. From any thread.
//
// Its thread may hang in the system for ever, so a LogWriter is never destroyed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace kp2p {

class LogWriter {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::size_t max_queued_bytes = std::size_t{256} << 10;
    enum class Claim { usual, urgent };  // urgent may take twice the room

    explicit LogWriter(int fd) : fd_(fd) {}
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    // False: there is no room. Without a thread, which the system may refuse, it writes as far as
    // that does not block.
    bool put(std::string_view text, Claim claim);
    // `tick` is called from the thread at that time, once; an earlier time replaces a later one.
    void call_at(Time time, std::function<void()> tick);
    // Waits until all is written, but no longer than `limit`; whether it is.
    bool drain(std::chrono::milliseconds limit);

  private:
    void start();
    void write_loop();

    const int fd_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string queued_;
    std::function<void()> tick_;
    std::optional<Time> tick_at_;
    bool writing_ = false;
    bool started_ = false;  // or it failed to
    bool threadless_ = false;
};

}  // namespace kp2p
