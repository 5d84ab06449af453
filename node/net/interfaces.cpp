#include "node/net/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <asio/error.hpp>
#include <cerrno>
#include <cstring>
#include <optional>

namespace kp2p {
namespace {

constexpr std::size_t max_interface_hosts = 32;

std::optional<Host> host_of(const sockaddr* from) {
    if (from && from->sa_family == AF_INET) {
        sockaddr_in address;
        std::memcpy(&address, from, sizeof address);
        std::array<std::uint8_t, 4> host;
        std::memcpy(host.data(), &address.sin_addr, host.size());
        return Host(host);
    }
    if (from && from->sa_family == AF_INET6) {
        sockaddr_in6 address;
        std::memcpy(&address, from, sizeof address);
        std::array<std::uint8_t, 16> host;
        std::memcpy(host.data(), &address.sin6_addr, host.size());
        return Host(host);
    }
    return std::nullopt;
}

bool is_broadcast(const Host& host) {
    bool is = false;
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) return is;
    // Where an interface was given no broadcast address, its own is in the place of that.
    for (const ifaddrs* at = all; at; at = at->ifa_next)
        if (at->ifa_flags & IFF_BROADCAST && host_of(at->ifa_broadaddr) == host &&
            host_of(at->ifa_addr) != host)
            is = true;
    freeifaddrs(all);
    return is;
}

}  // namespace

std::vector<Host> interface_hosts() {
    std::vector<Host> found;
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) return found;
    for (const ifaddrs* at = all; at && found.size() < max_interface_hosts; at = at->ifa_next) {
        if (!(at->ifa_flags & IFF_UP) || at->ifa_flags & IFF_LOOPBACK) continue;
        const auto host = host_of(at->ifa_addr);
        if (!host || (!host->is_v4() && host->kind() == HostKind::link_local)) continue;
        found.push_back(*host);
    }
    freeifaddrs(all);
    return found;
}

std::string why_never_bound(const Host& host) {
    if (host.kind() == HostKind::multicast)
        return "it is a multicast address, of many computers: name one of this computer";
    if (host == Host(255, 255, 255, 255) || is_broadcast(host))
        return "it is a broadcast address, of all computers in a network: name one of this "
               "computer";
    if (host.kind() == HostKind::link_local && !host.is_v4())
        return "it is a link-local address, which leads nowhere but in one LAN: name another of "
               "this computer, or none, so that all are used";
    return {};
}

std::string bind_words(const Host& host, std::error_code error) {
    if (error != std::error_code(EADDRNOTAVAIL, asio::error::get_system_category()))
        return error.message();
    std::string all;
    for (const Host& own : interface_hosts())
        if (own.is_v4() == host.is_v4()) all += (all.empty() ? "" : ", ") + own.text();
    const std::string at = all.empty() ? "" : "; it is at " + all;
    return "this computer does not have this address" + at;
}

}  // namespace kp2p
