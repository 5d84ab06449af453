// offload_long: offload() for work that takes long, on whole files. `fn` takes a std::stop_token,
// looks at it every few milliseconds, and returns soon after stop was requested, which happens when
// the caller is cancelled. It has a thread of its own, so that nothing waits behind it.
#pragma once

#include <functional>
#include <stop_token>

#include "node/async/attempt.hpp"
#include "node/async/long_threads.hpp"
#include "node/async/tasks.hpp"

namespace kp2p {

// Requests the stop once its coroutine is cancelled.
Task<> stop_when_cancelled(std::stop_source& source);

// Runs `work`, which does not throw, to its end on a thread of `threads`.
Task<> run_long(LongThreads& threads, std::function<void()> work);

// offload_long() for all functions that give an R, as offload_function() is.
template <class R>
Task<R> offload_long_function(LongThreads& threads, std::function<R(const std::stop_token&)> fn) {
    std::stop_source source;
    Attempt<R> made;
    auto call = [&] { return fn(source.get_token()); };
    auto work = [&] { made = attempt(call); };
    auto body = [&](Tasks& tasks) -> Task<> {
        tasks.spawn(stop_when_cancelled(source));
        co_await run_long(threads, work);
        tasks.cancel();
    };
    (void)co_await with_tasks(body);
    co_return std::move(made).get();
}

// Gives what `fn` gives, also when it was stopped.
template <class F>
Task<std::invoke_result_t<F&, const std::stop_token&>> offload_long(LongThreads& threads, F fn) {
    return offload_long_function<std::invoke_result_t<F&, const std::stop_token&>>(threads,
                                                                                   std::move(fn));
}

}  // namespace kp2p
