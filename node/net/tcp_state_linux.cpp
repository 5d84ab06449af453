#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

#include "node/net/tcp_state.hpp"

namespace kp2p {
namespace {

// One packet may be lost, and so may its repetition.
constexpr unsigned min_repetitions = 2;
// Of 1280, beside the headers of IPv6 and TCP.
constexpr int internet_segment_bytes = 1220;

}  // namespace

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

std::uint64_t tcp_resent_bytes(int socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
    return std::uint64_t{info.tcpi_total_retrans} * info.tcpi_snd_mss;
}

std::optional<TcpWait> tcp_wait(int socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    if (info.tcpi_unacked == 0) return std::nullopt;
    TcpWait wait;
    wait.unheard =
        std::chrono::milliseconds(std::min(info.tcpi_last_ack_recv, info.tcpi_last_data_recv));
    wait.repeated = info.tcpi_retransmits > 0;
    if (info.tcpi_retransmits < min_repetitions) return wait;
    // Each repetition has waited twice as long as the one before.
    const std::chrono::microseconds timeout{info.tcpi_rto};
    const auto repeated = timeout - timeout / (1 << std::min<unsigned>(info.tcpi_retransmits, 16));
    wait.in_vain = std::chrono::duration_cast<std::chrono::milliseconds>(repeated);
    return wait;
}

void limit_tcp_silence(int socket, std::chrono::milliseconds limit) {
    const auto ms = static_cast<unsigned>(limit.count());
    ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

void limit_tcp_unsent(int socket, std::size_t bytes) {
    const auto lowest = static_cast<unsigned>(bytes);
    ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowest, sizeof lowest);
}

void limit_tcp_packets(int socket, const Endpoint& to) {
    if (to.host.kind() != HostKind::global) return;
    ::setsockopt(socket, IPPROTO_TCP, TCP_MAXSEG, &internet_segment_bytes,
                 sizeof internet_segment_bytes);
}

}  // namespace kp2p
