#include "node/log/writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

#include "node/threads/thread.hpp"

namespace kp2p {
namespace {

constexpr int for_ever = -1;

bool writable(int fd, int timeout_ms) {
    pollfd wait{fd, POLLOUT, 0};
    for (;;) {
        const int ready = ::poll(&wait, 1, timeout_ms);
        if (ready >= 0 || errno != EINTR) return ready > 0;
    }
}

// What cannot be written is gone, and there is nobody who could be told.
void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {  // somebody else who has it made it so
            if (!writable(fd, for_ever)) return;
        } else if (errno != EINTR) {
            return;
        }
    }
}

}  // namespace

void LogWriter::start() {
    started_ = true;
    try {
        start_thread([this] { write_loop(); }).detach();
    } catch (const std::system_error&) {
        threadless_ = true;
    }
}

int open_log_file(const std::filesystem::path& path) {
    return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

void LogWriter::change_to(int fd) {
    if (std::exchange(own_, true)) ::close(fd_);
    fd_ = fd;
}

void LogWriter::write_to(int fd) {
    const std::lock_guard lock(mutex_);
    if (next_fd_) ::close(*next_fd_);
    next_fd_ = fd;
    if (!started_) start();
    if (threadless_) change_to(*std::exchange(next_fd_, std::nullopt));
    changed_.notify_all();
}

void LogWriter::reopen(std::filesystem::path path) {
    const std::lock_guard lock(mutex_);
    if (!started_) start();
    if (threadless_) return;
    next_path_ = std::move(path);
    changed_.notify_all();
}

bool LogWriter::put(std::string_view text, Claim claim) {
    const std::lock_guard lock(mutex_);
    if (!started_) start();
    if (threadless_) {
        constexpr std::size_t never_waits = _POSIX_PIPE_BUF;
        if (text.size() > never_waits || !writable(fd_, 0)) return false;
        write_all(fd_, text);
        return true;
    }
    const std::size_t room = claim == Claim::urgent ? 2 * max_queued_bytes : max_queued_bytes;
    if (queued_.size() + text.size() > room) return false;
    queued_ += text;
    changed_.notify_all();
    return true;
}

void LogWriter::call_at(Time time, std::function<void()> tick) {
    const std::lock_guard lock(mutex_);
    if (tick_at_ && *tick_at_ <= time) return;
    tick_at_ = time;
    tick_ = std::move(tick);
    changed_.notify_all();
}

bool LogWriter::drain(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(
        lock, limit, [this] { return queued_.empty() && !writing_ && !next_fd_ && !next_path_; });
}

void LogWriter::write_loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
        const bool due = tick_at_ && *tick_at_ <= std::chrono::steady_clock::now();
        if (due) {
            const std::function<void()> tick = std::move(tick_);
            tick_at_.reset();
            lock.unlock();
            tick();
            lock.lock();
        } else if (next_fd_ || next_path_) {
            const auto given = std::exchange(next_fd_, std::nullopt);
            const auto path = given ? std::nullopt : std::exchange(next_path_, std::nullopt);
            writing_ = true;
            lock.unlock();
            const int fd = given ? *given : open_log_file(*path);
            if (fd >= 0) change_to(fd);
            lock.lock();
            writing_ = false;
            changed_.notify_all();
        } else if (!queued_.empty()) {
            const std::string text = std::exchange(queued_, {});
            writing_ = true;
            lock.unlock();
            write_all(fd_, text);
            lock.lock();
            writing_ = false;
            changed_.notify_all();
        } else if (tick_at_) {
            changed_.wait_until(lock, *tick_at_);
        } else {
            changed_.wait(lock);
        }
    }
}

}  // namespace kp2p
