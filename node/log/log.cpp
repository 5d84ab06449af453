#include "node/log/log.hpp"

#include <unistd.h>

#include <ctime>
#include <mutex>
#include <string>

#include "node/log/limiter.hpp"
#include "node/log/writer.hpp"

namespace kp2p {
namespace {

const char* name(LogLevel level) {
    switch (level) {
        case LogLevel::info:
            return "info";
        case LogLevel::warning:
            return "warning";
        case LogLevel::error:
            return "error";
    }
    return "";
}

std::string line_of(const LogLine& from) {
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    std::string line = stamp;
    line.append(name(from.level)).append(" ").append(from.room).append(": ").append(from.text);
    for (char& c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    line.push_back('\n');
    return line;
}

class Log {
  public:
    void only(LogLevel least) {
        const std::lock_guard lock(mutex_);
        least_written_ = least;
    }
    void put(const LogLine& line) {
        const std::lock_guard lock(mutex_);
        if (line.level < least_written_) return;
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
        if ((gap && !urgent) || !writer_.put(line_of(line), claim)) ++lost_;
    }
    bool say_lost() {
        const std::string text = std::to_string(lost_) + " lines are lost: nobody has read them";
        const LogLine line{LogLevel::warning, "log", text};
        const bool said = writer_.put(line_of(line), LogWriter::Claim::usual);
        if (said) lost_ = 0;
        return said;
    }

    std::mutex mutex_;
    LogLevel least_written_ = LogLevel::info;
    LogLimiter limiter_;
    std::size_t lost_ = 0;  // lines since the last that could be queued
    LogWriter writer_{STDERR_FILENO};
};

Log& the_log() {
    static Log& log = *new Log;  // its thread may outlive everything
    return log;
}

}  // namespace

void log_only(LogLevel least) { the_log().only(least); }

void log(LogLevel level, std::string_view room, std::string_view text) {
    the_log().put({level, std::string(room), std::string(text)});
}

void flush_log(std::chrono::milliseconds limit) { the_log().flush(limit); }

}  // namespace kp2p
