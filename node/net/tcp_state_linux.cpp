#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "node/net/tcp_state.hpp"

namespace kp2p {

std::optional<std::chrono::microseconds> tcp_round_trip(int socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || info.tcpi_rtt == 0)
        return std::nullopt;
    return std::chrono::microseconds(info.tcpi_rtt);
}

std::size_t tcp_unacknowledged_bytes(int socket) {
    int bytes = 0;
    if (::ioctl(socket, SIOCOUTQ, &bytes) != 0 || bytes < 0) return 0;
    return static_cast<std::size_t>(bytes);
}

void limit_tcp_silence(int socket, std::chrono::milliseconds limit) {
    const auto ms = static_cast<unsigned>(limit.count());
    ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

void limit_tcp_unsent(int socket, std::size_t bytes) {
    const auto lowest = static_cast<unsigned>(bytes);
    ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowest, sizeof lowest);
}

}  // namespace kp2p
