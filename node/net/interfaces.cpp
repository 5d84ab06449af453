#include "node/net/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

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

}  // namespace kp2p
