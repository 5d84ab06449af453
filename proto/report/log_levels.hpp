// How much a log says, and how: what a daemon is told about its own.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "proto/outcome.hpp"
#include "proto/result.hpp"

namespace kp2p {

enum class LogLevel { debug, info, warning, error };
std::string_view name_of(LogLevel level);

//   text      2026-01-31T12:00:00Z warning swarm: cannot connect to 3fa1...
//   json      {"time":"2026-01-31T12:00:00Z","level":"warning","room":"swarm","message":"..."}
//   journald  <4>swarm: cannot connect to 3fa1...      (sd-daemon(3): the journal has its own time)
enum class LogFormat { text, json, journald };

// What is less is not written; by room, for those that are named.
struct LogLevels {
    LogLevel least = LogLevel::info;
    std::map<std::string, LogLevel, std::less<>> rooms = {};

    // "warning", "info,dht=debug,api=error". Errc::usage, also for a room that there is not, with
    // what is wrong in `complaint`.
    static Result<LogLevels> parse(std::string_view text, std::string& complaint);

    bool admit(LogLevel level, std::string_view room) const {
        const auto own = rooms.find(room);
        return level >= (own == rooms.end() ? least : own->second);
    }
};

}  // namespace kp2p
