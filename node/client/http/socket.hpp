// Socket: a stream to a server on this computer, blocking, with a limit for every wait.
// Errors: timed_out after the limit, canceled when asked to stop, closed when the other side has
// reset it; from connect() also no_daemon: nobody listens.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <stop_token>
#include <utility>

#include "proto/bytes.hpp"

namespace kp2p::client {

struct Patience {
    std::chrono::steady_clock::duration limit;
    std::stop_token stop = {};
    // Called in each wait that has lasted so long, about every quarter of a second.
    std::chrono::steady_clock::duration long_wait = {};
    std::function<void()> on_long_wait = nullptr;
    // When all that is waited for has come, however little comes at a time.
    std::chrono::steady_clock::time_point end = std::chrono::steady_clock::time_point::max();

    void waited_since(std::chrono::steady_clock::time_point begin) const {
        if (on_long_wait && std::chrono::steady_clock::now() - begin >= long_wait) on_long_wait();
    }
};

class Socket {
  public:
    Socket() = default;
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept;
    ~Socket();

    // A server that is too busy to take us in is waited for.
    static Result<Socket> connect(const std::filesystem::path& path, const Patience& patience);
    static Result<Socket> connect(std::uint16_t port, const Patience& patience);  // of 127.0.0.1
    // Both ends of a new one; the descriptor is for a server in this process.
    static Result<std::pair<Socket, int>> pair();

    bool open() const { return fd_ >= 0; }
    // Whether the other side belongs to this user, to root, or to whoever owns the directory of the
    // socket, where nobody else can put one; false where this cannot be known.
    bool is_peer_trusted(const std::filesystem::path& path) const;
    // Whether something came, or the other side closed it, though nothing was asked.
    bool has_news() const;
    Result<void> write(ByteView bytes, const Patience& patience);
    // At least one byte; 0: the other side has closed it.
    Result<std::size_t> read(std::span<std::uint8_t> into, const Patience& patience);

  private:
    explicit Socket(int fd) : fd_(fd) {}
    Result<void> await(short events, const Patience& patience);
    Result<void> await_connected(const Patience& patience);

    int fd_ = -1;
};

}  // namespace kp2p::client
