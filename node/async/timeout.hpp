// with_timeout: Errc::timed_out if `op` has not finished within `limit`. When it returns, `op` has
// ended. A failure of `op` stays that failure, and a result that raced with the timer is kept.
// first_of: runs two operations side by side until one has ended, cancels the other, and returns
// the results of both when both have ended. What was cancelled has failed with operation_aborted,
// unless it ended just then.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include "node/async/clock.hpp"
#include "node/async/tasks.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

// How two operations ended of which the first to end has cancelled the other.
struct PairEnd {
    bool other_was_first = false;
    std::exception_ptr one_thrown, other_thrown;
};
Task<PairEnd> until_one_ends(Task<> one, Task<> other);

template <class T>
Task<> keep_result(Task<Result<T>> op, std::optional<Result<T>>& result) {
    result.emplace(co_await std::move(op));
}

template <class T>
Task<Result<T>> with_timeout(Clock& clock, Clock::Span limit, Task<Result<T>> op) {
    std::optional<Result<T>> result;
    std::optional<Result<void>> timer;
    const PairEnd end = co_await until_one_ends(keep_result(std::move(op), result),
                                                keep_result(clock.sleep_for(limit), timer));
    const bool fired = end.other_was_first && timer && *timer;
    if (end.one_thrown && !(fired && is_cancellation(end.one_thrown)))
        std::rethrow_exception(end.one_thrown);
    if (fired && !(result && *result)) co_return Errc::timed_out;
    co_return *std::move(result);
}

template <class A, class B>
Task<std::pair<Result<A>, Result<B>>> first_of(Task<Result<A>> one, Task<Result<B>> other) {
    std::optional<Result<A>> one_result;
    std::optional<Result<B>> other_result;
    const PairEnd end = co_await until_one_ends(keep_result(std::move(one), one_result),
                                                keep_result(std::move(other), other_result));
    for (const std::exception_ptr& thrown : {end.one_thrown, end.other_thrown})
        if (thrown && !is_cancellation(thrown)) std::rethrow_exception(thrown);
    std::pair<Result<A>, Result<B>> results{asio::error::operation_aborted,
                                            asio::error::operation_aborted};
    if (one_result) results.first = *std::move(one_result);
    if (other_result) results.second = *std::move(other_result);
    co_return results;
}

}  // namespace kp2p
