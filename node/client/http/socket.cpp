#include "node/client/http/socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "proto/outcome.hpp"

namespace kp2p::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long a request to stop may go unnoticed, if its signal comes just before a wait.
constexpr milliseconds stop_check{250};
constexpr milliseconds first_retry{5}, last_retry{200};

std::error_code last_error() { return {errno, std::generic_category()}; }

std::error_code of_connecting(int number) {
    if (number == ECONNREFUSED || number == ENOENT) return Errc::no_daemon;
    return {number, std::generic_category()};
}

std::error_code of_traffic(int number) {
    if (number == EPIPE || number == ECONNRESET) return Errc::closed;
    return {number, std::generic_category()};
}

void set_up(int fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
}

Result<int> make_socket(int family) {
    const int fd = ::socket(family, SOCK_STREAM, 0);
    if (fd < 0) return last_error();
    set_up(fd);
    return fd;
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

Socket::~Socket() {
    if (fd_ >= 0) ::close(fd_);
}

Result<Socket> Socket::connect(const std::filesystem::path& path, const Patience& patience) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path)
        return make_error_code(std::errc::filename_too_long);
    std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
    const auto begin = steady_clock::now();
    const auto deadline = std::min(begin + patience.limit, patience.end);
    for (auto pause = first_retry;; pause = std::min(pause * 2, last_retry)) {
        auto made = make_socket(AF_UNIX);
        if (!made) return made.error();
        Socket socket(*made);
        if (::connect(socket.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
            return socket;
        // Of a Unix socket this says that the queue of those who wait for the server is full.
        if (errno != EAGAIN && errno != EINTR) return of_connecting(errno);
        if (patience.stop.stop_requested()) return Errc::canceled;
        if (steady_clock::now() >= deadline) return Errc::timed_out;
        patience.waited_since(begin);
        std::this_thread::sleep_for(pause);
    }
}

Result<std::pair<Socket, int>> Socket::pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return last_error();
    set_up(ends[0]);
    set_up(ends[1]);
    return std::pair(Socket(ends[0]), ends[1]);
}

Result<Socket> Socket::connect(std::uint16_t port, const Patience& patience) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto made = make_socket(AF_INET);
    if (!made) return made.error();
    Socket socket(*made);
    const int on = 1;
    ::setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        if (errno != EINPROGRESS && errno != EINTR) return of_connecting(errno);
        if (auto done = socket.await_connected(patience); !done) return done.error();
    }
    return socket;
}

Result<void> Socket::await_connected(const Patience& patience) {
    if (auto done = await(POLLOUT, patience); !done) return done.error();
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) return of_connecting(error);
    return ok;
}

bool Socket::is_peer_trusted(const std::filesystem::path& path) const {
#ifdef SO_PEERCRED
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd_, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    const uid_t user = peer.uid;
#else
    uid_t user = 0;
    gid_t group = 0;
    if (::getpeereid(fd_, &user, &group) != 0) return false;
#endif
    if (user == 0 || user == ::geteuid()) return true;
    struct stat directory {};
    const std::filesystem::path parent = path.parent_path();
    if (::stat(parent.empty() ? "." : parent.c_str(), &directory) != 0) return false;
    return directory.st_uid == user && (directory.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool Socket::has_news() const {
    pollfd one{fd_, POLLIN, 0};
    return ::poll(&one, 1, 0) != 0;
}

Result<void> Socket::await(short events, const Patience& patience) {
    const auto begin = steady_clock::now();
    const auto deadline = std::min(begin + patience.limit, patience.end);
    for (;;) {
        patience.waited_since(begin);
        if (patience.stop.stop_requested()) return Errc::canceled;
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
        if (left <= milliseconds(0)) return Errc::timed_out;
        pollfd one{fd_, events, 0};
        const int ready = ::poll(&one, 1, static_cast<int>(std::min(left, stop_check).count()));
        if (ready > 0) return ok;
        if (ready < 0 && errno != EINTR) return last_error();
    }
}

Result<void> Socket::write(ByteView bytes, const Patience& patience) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            if (auto ready = await(POLLOUT, patience); !ready) return ready.error();
        } else if (errno != EINTR) {
            return of_traffic(errno);
        }
    }
    return ok;
}

Result<std::size_t> Socket::read(std::span<std::uint8_t> into, const Patience& patience) {
    for (;;) {
        if (patience.stop.stop_requested()) return Errc::canceled;
        const ssize_t n = ::recv(fd_, into.data(), into.size(), 0);
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EAGAIN && errno != EINTR) return of_traffic(errno);
        if (auto ready = await(POLLIN, patience); !ready) return ready.error();
    }
}

}  // namespace kp2p::client
