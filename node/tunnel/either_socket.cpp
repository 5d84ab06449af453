#include "node/tunnel/either_socket.hpp"

#include "node/async/timeout.hpp"

namespace kp2p {

std::span<const Datagram> EitherSocket::take() {
    const auto batch = tunnel_->take();
    return batch.empty() ? direct_->take() : batch;
}

Task<Result<void>> EitherSocket::arrived() {
    auto [direct, tunnelled] = co_await first_of(direct_->arrived(), tunnel_->arrived());
    if (tunnelled) co_return ok;
    co_return direct;
}

}  // namespace kp2p
