#include "node/log/log.hpp"

#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <string>

#include "node/log/limiter.hpp"
#include "node/log/writer.hpp"

namespace kp2p {
namespace {

std::error_code last_system_error() { return {errno, std::generic_category()}; }

class Log {
  public:
    Result<void> set_up(LogSetup setup) {
        const std::lock_guard lock(mutex_);
        if (!setup.file.empty()) {
            const int fd = open_log_file(setup.file);
            if (fd < 0) return last_system_error();
            writer_.write_to(fd);
        }
        setup_ = std::move(setup);
        return ok;
    }
    void reopen() {
        const std::lock_guard lock(mutex_);
        if (!setup_.file.empty()) writer_.reopen(setup_.file);
    }
    void put(const LogLine& line) {
        const std::lock_guard lock(mutex_);
        if (!setup_.levels.admit(line.level, line.room)) return;
        if (limiter_.admits(now(), line)) write(line);
        if (const auto next = limiter_.deadline())
            writer_.call_at(*next, [this] { sum_up(false); });
    }
    void flush(std::chrono::milliseconds limit) {
        const auto end = now() + limit;
        sum_up(true);
        if (!drain(end)) return;
        {
            const std::lock_guard lock(mutex_);
            if (lost_ == 0 || !say_lost()) return;
        }
        (void)drain(end);
    }

  private:
    std::string text_of(const LogLine& line) const {
        return written(line, setup_.format, std::chrono::system_clock::now());
    }
    static LogLimiter::Time now() { return std::chrono::steady_clock::now(); }

    bool drain(LogLimiter::Time end) {
        return writer_.drain(std::chrono::ceil<std::chrono::milliseconds>(end - now()));
    }
    void sum_up(bool all) {
        const std::lock_guard lock(mutex_);
        for (const LogLine& line : limiter_.summaries(now(), all)) write(line);
        if (const auto next = limiter_.deadline())
            writer_.call_at(*next, [this] { sum_up(false); });
    }
    void write(const LogLine& line) {
        const bool urgent = line.level == LogLevel::error;
        const auto claim = urgent ? LogWriter::Claim::urgent : LogWriter::Claim::usual;
        const bool gap = lost_ > 0 && !say_lost();  // the line would hide it
        if ((gap && !urgent) || !writer_.put(text_of(line), claim)) ++lost_;
    }
    bool say_lost() {
        const std::string text = std::to_string(lost_) + " lines are lost: nobody has read them";
        const LogLine line{LogLevel::warning, "log", text};
        const bool said = writer_.put(text_of(line), LogWriter::Claim::usual);
        if (said) lost_ = 0;
        return said;
    }

    std::mutex mutex_;
    LogSetup setup_;
    LogLimiter limiter_;
    std::size_t lost_ = 0;  // lines since the last that could be queued
    LogWriter writer_{STDERR_FILENO};
};

Log& the_log() {
    static Log& log = *new Log;  // its thread may outlive everything
    return log;
}

}  // namespace

Result<void> set_up_log(LogSetup setup) { return the_log().set_up(std::move(setup)); }

void reopen_log() { the_log().reopen(); }

void log(LogLevel level, std::string_view room, std::string_view text) {
    the_log().put({level, std::string(room), std::string(text)});
}

void flush_log(std::chrono::milliseconds limit) { the_log().flush(limit); }

}  // namespace kp2p
