#include "node/net/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/error.hpp>
#include <asio/ip/udp.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "node/net/address.hpp"

namespace kp2p {
namespace {

constexpr std::size_t max_interface_hosts = 32;
// To which no route leads but the usual one.
constexpr const char *some_v4 = "198.51.100.1", *some_v6 = "2001:db8::1";

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

// That packets would leave from to a host; none is sent.
std::optional<Host> leaving_host(std::string_view to) {
    const asio::ip::udp::endpoint there(to_address(*Host::parse(to)), 9);
    const int fd = ::socket(there.data()->sa_family, SOCK_DGRAM, 0);
    if (fd < 0) return std::nullopt;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto* const address = reinterpret_cast<sockaddr*>(&from);
    const bool leaves = ::connect(fd, there.data(), static_cast<socklen_t>(there.size())) == 0 &&
                        ::getsockname(fd, address, &size) == 0;
    ::close(fd);
    return leaves ? host_of(address) : std::nullopt;
}

}  // namespace

std::vector<Host> interface_hosts() {
    enum class Rank { leads_out, carries, idle };
    std::vector<std::pair<Rank, Host>> all;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return {};
    const std::optional<Host> out[] = {leaving_host(some_v4), leaving_host(some_v6)};
    for (const ifaddrs* at = list; at; at = at->ifa_next) {
        if (!(at->ifa_flags & IFF_UP) || at->ifa_flags & IFF_LOOPBACK) continue;
        const auto host = host_of(at->ifa_addr);
        if (!host || (!host->is_v4() && host->kind() == HostKind::link_local)) continue;
        Rank rank = at->ifa_flags & IFF_RUNNING ? Rank::carries : Rank::idle;
        if (std::ranges::find(out, host) != std::end(out)) rank = Rank::leads_out;
        all.emplace_back(rank, *host);
    }
    freeifaddrs(list);
    std::ranges::stable_sort(all, {}, &std::pair<Rank, Host>::first);
    if (all.size() > max_interface_hosts) all.resize(max_interface_hosts);
    std::vector<Host> found;
    for (const auto& [rank, host] : all) found.push_back(host);
    return found;
}

std::string way_out_name() {
    const auto out = leaving_host(some_v4);
    ifaddrs* list = nullptr;
    if (!out || getifaddrs(&list) != 0) return {};
    std::string name;
    for (const ifaddrs* at = list; at && name.empty(); at = at->ifa_next)
        if (host_of(at->ifa_addr) == out) name = at->ifa_name;
    freeifaddrs(list);
    return name;
}

bool is_own_host(const Host& host) {
    const bool of_one_link = !host.is_v4() && host.kind() == HostKind::link_local;
    if (host.is_loopback() || of_one_link) return true;  // that is another's, too, on its own link
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return true;
    bool is = false;
    for (const ifaddrs* at = list; at && !is; at = at->ifa_next) is = host_of(at->ifa_addr) == host;
    freeifaddrs(list);
    return is;
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
