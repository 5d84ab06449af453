#include "proto/report/log_levels.hpp"

#include <algorithm>
#include <optional>

namespace kp2p {
namespace {

constexpr std::string_view level_names[] = {"debug", "info", "warning", "error"};

std::optional<LogLevel> level_of(std::string_view name) {
    const auto found = std::ranges::find(level_names, name);
    if (found == std::end(level_names)) return std::nullopt;
    return static_cast<LogLevel>(found - level_names);
}

// The parts of the node that have something to say, as they call themselves; a test sees to it that
// none is missing.
constexpr std::string_view known_rooms[] = {"api",  "daemon", "dht",   "lan",   "log",   "mapping",
                                            "node", "relay",  "share", "store", "swarm", "tunnel"};

std::string room_names() {
    std::string names;
    for (const std::string_view room : known_rooms)
        names.append(names.empty() ? "" : ", ").append(room);
    return names;
}

}  // namespace

std::string_view name_of(LogLevel level) { return level_names[static_cast<std::size_t>(level)]; }

Result<LogLevels> LogLevels::parse(std::string_view text, std::string& complaint) {
    LogLevels levels;
    complaint =
        "takes debug, info, warning or error, and ROOM=LEVEL for parts of the node, such as "
        "info,dht=debug, where ROOM is one of " +
        room_names() + "; not " + std::string(text);
    for (std::string_view rest = text;;) {
        const std::string_view word = rest.substr(0, rest.find(','));
        const std::size_t equals = word.find('=');
        const auto level = level_of(equals == word.npos ? word : word.substr(equals + 1));
        if (!level) return Errc::usage;
        if (equals == word.npos) {
            levels.least = *level;
        } else {
            const std::string_view room = word.substr(0, equals);
            if (std::ranges::find(known_rooms, room) == std::end(known_rooms)) return Errc::usage;
            levels.rooms.insert_or_assign(std::string(room), *level);
        }
        if (word.size() == rest.size()) break;
        rest.remove_prefix(word.size() + 1);
    }
    complaint.clear();
    return levels;
}

}  // namespace kp2p
