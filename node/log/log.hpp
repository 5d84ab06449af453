// The daemon's log: one line on stderr, or in a file, per thing that its owner may want to know.
//   2026-01-31T12:00:00Z warning swarm: cannot connect to 3fa1...: it does not answer
// `room` is the part of the node that speaks. Channel names are secrets and stay out of it. From
// any thread, and never waiting for who reads: lines are written by a thread of its own, and when
// they come faster than they are read, or many are alike (node/log/limiter.hpp), some are left out
// and the log says how many.
#pragma once

#include <chrono>
#include <filesystem>
#include <string_view>

#include "node/log/line.hpp"

namespace kp2p {

struct LogSetup {
    LogLevels levels = {};
    LogFormat format = LogFormat::text;
    std::filesystem::path file = {};  // is appended to; empty: stderr
};
// For what is logged from now on. What the system says of a file that cannot be opened; then
// nothing has changed.
Result<void> set_up_log(LogSetup setup);
// The file is opened anew by its name, soon, as it was moved away; does nothing for stderr. Where
// that fails, the one that is open is used on.
void reopen_log();

void log(LogLevel level, std::string_view room, std::string_view text);

// Waits until what was logged is written, but no longer than `limit`.
void flush_log(std::chrono::milliseconds limit);

}  // namespace kp2p
