#include "node/tunnel/either_socket.hpp"

#include "node/async/timeout.hpp"

namespace kp2p {

// Nothing is lost where both have some: what arrived by the tunnel stays until it is taken.
Task<Result<std::span<const Datagram>>> EitherSocket::receive() {
    for (;;) {
        const auto waiting = tunnel_->take();
        if (!waiting.empty()) co_return waiting;
        auto [direct, tunnelled] = co_await first_of(direct_->receive(), tunnel_->arrived());
        if (direct) co_return direct;
        if (!tunnelled) co_return direct.error();
    }
}

}  // namespace kp2p
