// What a line of the log says.
#pragma once

#include <string>

namespace kp2p {

enum class LogLevel { info, warning, error };

struct LogLine {
    LogLevel level = LogLevel::info;
    std::string room, text;
};

}  // namespace kp2p
