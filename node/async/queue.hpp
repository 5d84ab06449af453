// Queue<T>: a bounded first-in first-out between coroutines of one thread. push() waits for room,
// try_push() refuses when full; after close() pushes fail with Errc::closed and pop() drains what
// is left, then fails so too. A cancelled push or pop returns operation_aborted and loses no item.
#pragma once

#include <deque>

#include "node/async/asio.hpp"
#include "proto/outcome.hpp"
#include "proto/result.hpp"

namespace kp2p {

template <class T>
class Queue {
  public:
    Queue(Executor executor, std::size_t capacity)
        : capacity_(capacity), readable_(executor, never), writable_(executor, never) {}

    Task<Result<void>> push(T item) {
        while (items_.size() >= capacity_ && !closed_) {
            auto waited = co_await wait(writable_);
            if (!waited) co_return waited;
        }
        if (closed_) co_return Errc::closed;
        items_.push_back(std::move(item));
        readable_.cancel_one();
        co_return ok;
    }
    bool try_push(T item) {
        if (closed_ || items_.size() >= capacity_) return false;
        items_.push_back(std::move(item));
        readable_.cancel_one();
        return true;
    }
    Task<Result<T>> pop() {
        while (items_.empty() && !closed_) {
            auto waited = co_await wait(readable_);
            if (!waited) co_return waited.error();
        }
        if (items_.empty()) co_return Errc::closed;
        T item = std::move(items_.front());
        items_.pop_front();
        writable_.cancel_one();
        co_return item;
    }
    void close() {
        closed_ = true;
        readable_.cancel();
        writable_.cancel();
    }
    bool closed() const { return closed_; }
    std::size_t size() const { return items_.size(); }

  private:
    static constexpr auto never = asio::steady_timer::time_point::max();

    static Task<Result<void>> wait(asio::steady_timer& timer) {
        co_await timer.async_wait(use_result);
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none) {
            timer.cancel_one();  // the wake-up may have been meant for us: hand it on
            co_return asio::error::operation_aborted;
        }
        co_return ok;
    }

    std::size_t capacity_;
    std::deque<T> items_;
    bool closed_ = false;
    asio::steady_timer readable_, writable_;  // never expire; cancelling one wakes a waiter
};

}  // namespace kp2p
