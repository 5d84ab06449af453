#include "node/net/tcp_state.hpp"

namespace kp2p {

std::optional<std::chrono::microseconds> tcp_round_trip(int) { return std::nullopt; }
std::size_t tcp_unacknowledged_bytes(int) { return 0; }
std::uint64_t tcp_resent_bytes(int) { return 0; }
std::optional<TcpWait> tcp_wait(int) { return std::nullopt; }
void limit_tcp_silence(int, std::chrono::milliseconds) {}
void limit_tcp_unsent(int, std::size_t) {}
void limit_tcp_packets(int, const Endpoint&) {}

}  // namespace kp2p
