#include <aio.h>  // struct timespec, which the next needs
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <asio/ip/udp.hpp>
#include <cstring>

#include "node/net/nat64.hpp"
#include "node/net/rejection.hpp"
#include "node/net/udp_batch.hpp"

namespace kp2p {
namespace {

// Empty: it is no rejection.
std::string words_of_icmp4(int type, int code) {
    if (type == ICMP_TIME_EXCEEDED) return "it goes in circles";
    if (type != ICMP_DEST_UNREACH || code == ICMP_FRAG_NEEDED) return {};
    switch (code) {
        case ICMP_PKT_FILTERED:
        case ICMP_NET_ANO:
        case ICMP_HOST_ANO:
            return "administratively prohibited";
        case ICMP_PORT_UNREACH:
            return "port unreachable";
        case ICMP_NET_UNREACH:
        case ICMP_NET_UNKNOWN:
        case ICMP_NET_UNR_TOS:
            return "network unreachable";
        default:
            return "host unreachable";
    }
}

std::string words_of_icmp6(int type, int code) {
    if (type == ICMP6_TIME_EXCEEDED) return "it goes in circles";
    if (type != ICMP6_DST_UNREACH) return {};
    switch (code) {
        case ICMP6_DST_UNREACH_NOROUTE:
            return "network unreachable";
        case ICMP6_DST_UNREACH_BEYONDSCOPE:
        case ICMP6_DST_UNREACH_ADDR:
            return "host unreachable";
        case ICMP6_DST_UNREACH_NOPORT:
            return "port unreachable";
        default:
            return "administratively prohibited";
    }
}

std::optional<Rejection> rejection_of(const sock_extended_err& said) {
    const bool v4 = said.ee_origin == SO_EE_ORIGIN_ICMP;
    if (!v4 && said.ee_origin != SO_EE_ORIGIN_ICMP6) return std::nullopt;
    Rejection rejection;
    rejection.words = v4 ? words_of_icmp4(said.ee_type, said.ee_code)
                         : words_of_icmp6(said.ee_type, said.ee_code);
    rejection.no_host = v4 ? said.ee_type == ICMP_DEST_UNREACH && said.ee_code == ICMP_HOST_UNREACH
                           : said.ee_code == ICMP6_DST_UNREACH_ADDR;
    if (rejection.words.empty()) return std::nullopt;
    const sockaddr* offender = SO_EE_OFFENDER(&said);
    if (offender->sa_family == AF_UNSPEC) return rejection;
    asio::ip::udp::endpoint by;
    const std::size_t size = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::memcpy(by.data(), offender, size);
    by.resize(size);
    rejection.by = before_nat64(from_asio(by).host);
    return rejection;
}

}  // namespace

void hear_rejections(int socket) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    ::setsockopt(socket, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
}

std::optional<Rejection> next_rejection(int socket) {
    union {
        char bytes[512];
        cmsghdr align;
    } control;
    for (;;) {
        msghdr message{};
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        if (::recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
        for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
            const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
            const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
            if (!v4 && !v6) continue;
            auto rejection =
                rejection_of(*reinterpret_cast<const sock_extended_err*>(CMSG_DATA(c)));
            if (rejection) return rejection;
        }
    }
}

}  // namespace kp2p
