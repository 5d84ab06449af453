#include "node/async/timeout.hpp"

#include <asio/experimental/parallel_group.hpp>

namespace kp2p {

Task<PairEnd> until_one_ends(Task<> one, Task<> other) {
    auto executor = co_await asio::this_coro::executor;
    auto [order, one_thrown, other_thrown] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(executor, std::move(one), deferred),
            asio::co_spawn(executor, std::move(other), deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    co_return PairEnd{order[0] == 1, one_thrown, other_thrown};
}

}  // namespace kp2p
