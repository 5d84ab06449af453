#include "node/log.hpp"

#include <cstdio>
#include <ctime>
#include <string>

namespace kp2p {
namespace {

LogLevel least_written = LogLevel::info;

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

}  // namespace

void log_only(LogLevel least) { least_written = least; }

void log(LogLevel level, std::string_view room, std::string_view text) {
    if (level < least_written) return;
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    std::string line = stamp;
    line.append(name(level)).append(" ").append(room).append(": ").append(text);
    for (char& c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    line.push_back('\n');
    std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace kp2p
