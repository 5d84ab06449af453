// Tasks: a nursery, the owner of coroutines that run side by side. with_tasks(body) returns when
// the body and everything it spawned have ended. A child that throws cancels its siblings and its
// exception goes to the parent; cancelling the parent cancels the children and waits for them.
//   co_await with_tasks([&](Tasks& all) -> Task<> { all.spawn(a()); all.spawn(b()); co_return; });
// A spawned coroutine takes values, or references to what the awaiting frame owns. Not thread-safe.
#pragma once

#include <exception>
#include <functional>
#include <list>

#include "node/async/asio.hpp"
#include "proto/result.hpp"

namespace kp2p {

// True for the exception that a cancelled coroutine throws at its next co_await.
bool is_cancellation(const std::exception_ptr& thrown);

class Tasks {
  public:
    explicit Tasks(Executor executor);
    Tasks(const Tasks&) = delete;
    Tasks& operator=(const Tasks&) = delete;
    ~Tasks();  // asserts that no child is left: join first

    // Starts `task` at once, up to its first suspension. After cancel() it starts cancelled.
    void spawn(Task<> task);
    void cancel();
    std::size_t size() const { return children_.size(); }
    // Waits for every child, passing a cancellation of the caller on to them; the caller has
    // throw_if_cancelled off. operation_aborted if the caller was cancelled. Does not throw.
    Task<Result<void>> join();
    std::exception_ptr failure() const { return failure_; }

  private:
    void finished(std::list<asio::cancellation_signal>::iterator child, std::exception_ptr thrown);

    Executor executor_;
    asio::steady_timer idle_;  // never expires; the last child to end cancels it
    std::list<asio::cancellation_signal> children_;
    std::exception_ptr failure_;
    bool cancelled_ = false;
};

Task<Result<void>> with_tasks(std::function<Task<>(Tasks&)> body);

}  // namespace kp2p
