// The daemon's log: one line on stderr per thing that its owner may want to know.
//   2026-01-31T12:00:00Z warning swarm: cannot connect to 3fa1...: it does not answer
// `room` is the part of the node that speaks. Channel names are secrets and stay out of it. From
// the loop's thread.
#pragma once

#include <string_view>

namespace kp2p {

enum class LogLevel { info, warning, error };

// What is less than `least` is not written any more.
void log_only(LogLevel least);

// Control characters, which others may have put into the text, are written as '?'.
void log(LogLevel level, std::string_view room, std::string_view text);

}  // namespace kp2p
