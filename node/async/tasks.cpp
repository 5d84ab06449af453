#include "node/async/tasks.hpp"

#include <cassert>
#include <utility>

namespace kp2p {

bool is_cancellation(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::system_error& error) {
        return error.code() == asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

Tasks::Tasks(Executor executor)
    : executor_(executor), idle_(executor, asio::steady_timer::time_point::max()) {}

Tasks::~Tasks() { assert(children_.empty()); }

void Tasks::spawn(Task<> task) {
    const auto child = children_.emplace(children_.end());
    asio::co_spawn(executor_, std::move(task),
                   asio::bind_cancellation_slot(
                       child->slot(), [this, child](std::exception_ptr e) { finished(child, e); }));
    if (cancelled_) child->emit(asio::cancellation_type::terminal);
}

void Tasks::cancel() {
    cancelled_ = true;
    for (auto& child : children_) child.emit(asio::cancellation_type::terminal);
}

Task<Result<void>> Tasks::join() {
    bool passed_on = false;
    while (!children_.empty()) {
        const auto state = co_await asio::this_coro::cancellation_state;
        if (state.cancelled() != asio::cancellation_type::none && !std::exchange(passed_on, true))
            cancel();
        co_await idle_.async_wait(use_result);
    }
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        co_return asio::error::operation_aborted;
    co_return ok;
}

Task<Result<void>> with_tasks(std::function<Task<>(Tasks&)> body) {
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);  // a cancel must not skip join()
    Tasks tasks(co_await asio::this_coro::executor);
    tasks.spawn(body(tasks));
    auto ended = co_await tasks.join();
    co_await asio::this_coro::throw_if_cancelled(throws);
    if (auto failure = tasks.failure()) std::rethrow_exception(failure);
    co_return ended;
}

void Tasks::finished(std::list<asio::cancellation_signal>::iterator child,
                     std::exception_ptr thrown) {
    children_.erase(child);
    if (thrown && !is_cancellation(thrown)) {
        if (!failure_) failure_ = thrown;
        cancel();
    }
    if (children_.empty()) idle_.cancel();
}

}  // namespace kp2p
