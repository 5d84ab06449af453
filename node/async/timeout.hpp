// with_timeout: Errc::timed_out if `op` has not finished within `limit`. When it returns, `op` has
// ended. A failure of `op` stays that failure, and a result that raced with the timer is kept.
// first_of: runs two operations side by side until one has ended, cancels the other, and returns
// the results of both when both have ended. What was cancelled has failed with operation_aborted,
// unless it ended just then.
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

template <class A, class B>
Task<std::pair<Result<A>, Result<B>>> first_of(Task<Result<A>> one, Task<Result<B>> other) {
    auto executor = co_await asio::this_coro::executor;
    auto [order, one_thrown, one_result, other_thrown, other_result] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(executor, std::move(one), deferred),
            asio::co_spawn(executor, std::move(other), deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    for (const std::exception_ptr& thrown : {one_thrown, other_thrown})
        if (thrown && !is_cancellation(thrown)) std::rethrow_exception(thrown);
    std::pair<Result<A>, Result<B>> results{asio::error::operation_aborted,
                                            asio::error::operation_aborted};
    if (!one_thrown) results.first = std::move(one_result);
    if (!other_thrown) results.second = std::move(other_result);
    co_return results;
}

}  // namespace kp2p
