#include "node/net/datagrams.hpp"

namespace kp2p {

Task<Result<std::span<const Datagram>>> Datagrams::receive() {
    for (;;) {
        const auto batch = take();
        if (!batch.empty()) co_return batch;
        auto woken = co_await arrived();
        if (!woken) co_return woken.error();
    }
}

}  // namespace kp2p
