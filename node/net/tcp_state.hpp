// What the system knows of a TCP connection, by its descriptor. Two twins: Linux knows it all.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "proto/endpoint.hpp"

namespace kp2p {

std::optional<std::chrono::microseconds> tcp_round_trip(int socket);  // smoothed
// How much of what was written, the end included, the other side's system does not have yet.
std::size_t tcp_unacknowledged_bytes(int socket);
// What the system has sent again, as far as it counts that.
std::uint64_t tcp_resent_bytes(int socket);
// Of what was sent and is not acknowledged; none where nothing is, or the system does not tell.
struct TcpWait {
    std::chrono::milliseconds unheard{};  // so long nothing at all has come
    bool repeated = false;                // it has been sent again, in vain
    std::chrono::milliseconds in_vain{};  // so long it has, if more than once
};
std::optional<TcpWait> tcp_wait(int socket);
// The connection fails when what was written is not acknowledged for so long.
void limit_tcp_silence(int socket, std::chrono::milliseconds limit);
// A write waits while the system holds more than this that it has not sent once.
void limit_tcp_unsent(int socket, std::size_t bytes);
// Before it connects: on the Internet some ways take smaller packets than their ends and tell
// nobody, so none that the two send each other is larger than every way of IPv6 takes.
void limit_tcp_packets(int socket, const Endpoint& to);

}  // namespace kp2p
