#include "node/log/line.hpp"

#include <ctime>

#include "proto/json.hpp"
#include "proto/utf8.hpp"

namespace kp2p {
namespace {

// Those of syslog(3), which the journal takes in angle brackets.
int priority(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return 7;
        case LogLevel::info:
            return 6;
        case LogLevel::warning:
            return 4;
        case LogLevel::error:
            return 3;
    }
    return 6;
}

std::string plain(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::string_view before = text;
        const auto point = proto::take_code_point(text);
        const bool control = !point || *point < 0x20 || (*point >= 0x7f && *point < 0xa0);
        out += control ? "?" : before.substr(0, before.size() - text.size());
    }
    return out;
}

std::string stamp_of(std::chrono::system_clock::time_point at) {
    const std::time_t now = std::chrono::system_clock::to_time_t(at);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return stamp;
}

}  // namespace

std::string written(const LogLine& line, LogFormat format,
                    std::chrono::system_clock::time_point at) {
    const std::string room = plain(line.room), text = plain(line.text);
    switch (format) {
        case LogFormat::text:
            break;
        case LogFormat::json: {
            proto::JsonWriter json;
            json.begin_object().field("time", stamp_of(at)).field("level", name_of(line.level));
            json.field("room", room).field("message", text).end_object();
            return json.take() + '\n';
        }
        case LogFormat::journald:
            return '<' + std::to_string(priority(line.level)) + '>' + room + ": " + text + '\n';
    }
    return stamp_of(at) + ' ' + std::string(name_of(line.level)) + ' ' + room + ": " + text + '\n';
}

}  // namespace kp2p
