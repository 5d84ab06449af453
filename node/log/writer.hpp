// LogWriter: writes text to a descriptor from a thread of its own, so that whoever has something to
// say never waits for who reads it: a full pipe, a halted terminal, a dead file system. Holds at
// most max_queued_bytes; what comes on top of that is refused. From any thread.
//
// Its thread may hang in the system for ever, so a LogWriter is never destroyed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
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

    explicit LogWriter(int fd) : fd_(fd) {}  // which stays open
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;

    // False: there is no room. Without a thread, which the system may refuse, it writes as far as
    // that does not block.
    bool put(std::string_view text, Claim claim);
    // From what is queued on, to this descriptor, which is closed when another is used.
    void write_to(int fd);
    // The same, to what its thread then opens at the path, which may take for ever; where that
    // fails, to the one that there is.
    void reopen(std::filesystem::path path);
    // `tick` is called from the thread at that time, once; an earlier time replaces a later one.
    void call_at(Time time, std::function<void()> tick);
    // Waits until all is written, but no longer than `limit`; whether it is.
    bool drain(std::chrono::milliseconds limit);

  private:
    void start();
    void write_loop();
    void change_to(int fd);  // by who writes

    int fd_;            // of who writes
    bool own_ = false;  // it is to be closed
    std::optional<int> next_fd_;
    std::optional<std::filesystem::path> next_path_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string queued_;
    std::function<void()> tick_;
    std::optional<Time> tick_at_;
    bool writing_ = false;
    bool started_ = false;  // or it failed to
    bool threadless_ = false;
};

// To append to, made if it is missing, for its owner and group alone; -1 and errno.
int open_log_file(const std::filesystem::path& path);

}  // namespace kp2p
