// with_timeout: Errc::timed_out if `op` has not finished within `limit`. When it returns, `op` has
// ended. A failure of `op` stays that failure, and a result that raced with the timer is kept.
#pragma once

#include "node/async/clock.hpp"
#include "node/async/tasks.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

template <class T>
Task<Result<T>> with_timeout(Clock& clock, Clock::Span limit, Task<Result<T>> op) {
    auto executor = co_await asio::this_coro::executor;
    auto [order, thrown, result, timer_thrown, timer] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(executor, std::move(op), deferred),
            asio::co_spawn(executor, clock.sleep_for(limit), deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    const bool fired = order[0] == 1 && timer;
    if (thrown && !(fired && is_cancellation(thrown))) std::rethrow_exception(thrown);
    if (!thrown && result) co_return std::move(result);
    if (fired) co_return Errc::timed_out;
    co_return result.error();
}

}  // namespace kp2p
