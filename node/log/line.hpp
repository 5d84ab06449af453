// What a line of the log says, and how that is written.
#pragma once

#include <chrono>
#include <string>

#include "proto/report/log_levels.hpp"

namespace kp2p {

struct LogLine {
    LogLevel level = LogLevel::info;
    std::string room, text;
};

// With its line end. Control characters, which others may have put into the text, are '?', and so
// are bytes that are no UTF-8.
std::string written(const LogLine& line, LogFormat format,
                    std::chrono::system_clock::time_point at);

}  // namespace kp2p
