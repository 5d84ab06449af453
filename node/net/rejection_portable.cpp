#include <sys/socket.h>

#include <asio/error.hpp>
#include <cerrno>

#include "node/net/rejection.hpp"

namespace kp2p {

void hear_rejections(int) {}

std::optional<Rejection> next_rejection(int socket) {
    char byte = 0;
    if (::recv(socket, &byte, 1, MSG_DONTWAIT) >= 0) return std::nullopt;
    const std::error_code error(errno, asio::error::get_system_category());
    if (error == asio::error::would_block || error == asio::error::not_connected ||
        error == asio::error::bad_descriptor)
        return std::nullopt;
    return Rejection{.words = error.message()};
}

}  // namespace kp2p
