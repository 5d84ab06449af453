#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/posix/stream_descriptor.hpp>

#include "node/net/interface_watch.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr unsigned interface_groups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
// What is read of one word is thrown away: that there was one is all that counts.
constexpr int max_words_at_once = 256;

int open_netlink() {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0) return fd;
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = interface_groups;
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    return -1;
}

void drain_netlink(int fd) {
    char word[4096];
    for (int i = 0; i < max_words_at_once; ++i)
        if (::recv(fd, word, sizeof word, MSG_DONTWAIT) < 0 && errno != ENOBUFS) return;
}

Task<Result<void>> await_netlink(std::shared_ptr<asio::posix::stream_descriptor> netlink) {
    auto [error] =
        co_await netlink->async_wait(asio::posix::stream_descriptor::wait_read, use_result);
    if (error) co_return error;
    drain_netlink(netlink->native_handle());
    co_return ok;
}

}  // namespace

InterfaceWatch::Hint interface_hint(Executor executor, Clock& clock) {
    const int fd = open_netlink();
    if (fd < 0) return [&clock] { return clock.sleep_for(InterfaceWatch::poll_interval); };
    const auto netlink = std::make_shared<asio::posix::stream_descriptor>(executor, fd);
    return [netlink] { return await_netlink(netlink); };
}

}  // namespace kp2p
