// LogLimiter: keeps a log readable, and its file small, whatever strangers bring about. Of lines
// that are alike it lets some through at once and few after that; the rest are counted, and the
// count is said once a minute. Errors always come through: they concern the owner.
//
// Alike are lines of one room that differ only in words with a digit in them: addresses, node ids,
// hashes, counts. Holds at most max_kinds kinds of lines; more of them count as one.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "node/log/line.hpp"

namespace kp2p {

class LogLimiter {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr int burst = 40;                 // lines of a kind
    static constexpr std::chrono::seconds pace{10};  // then one line each
    static constexpr std::chrono::minutes summary_span{1};
    static constexpr std::size_t max_kinds = 64;

    // Whether the line is to be written.
    bool admits(Time now, const LogLine& line);
    // What is to be said of lines that were not written; with `all`, also before its time.
    std::vector<LogLine> summaries(Time now, bool all = false);
    std::optional<Time> deadline() const;  // of the next summary

  private:
    struct Kind {
        Time paid_until{};  // each line that is written moves it on by `pace`
        std::size_t held_back = 0;
        LogLine last;  // of those
        Time say_at{};
    };
    Kind& kind(Time now, const LogLine& line);

    std::map<std::string, Kind> kinds_;
};

}  // namespace kp2p
