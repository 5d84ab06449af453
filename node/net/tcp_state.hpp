// What the system knows of a TCP connection, by its descriptor. Two twins: Linux knows it all.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

namespace kp2p {

std::optional<std::chrono::microseconds> tcp_round_trip(int socket);  // smoothed
// How much of what was written, the end included, the other side's system does not have yet.
std::size_t tcp_unacknowledged_bytes(int socket);
// For how long nothing has come, though something was sent and then sent again in vain.
std::optional<std::chrono::milliseconds> tcp_unanswered(int socket);
// The connection fails when what was written is not acknowledged for so long.
void limit_tcp_silence(int socket, std::chrono::milliseconds limit);
// A write waits while the system holds more than this that it has not sent once.
void limit_tcp_unsent(int socket, std::size_t bytes);

}  // namespace kp2p
