// offload_long: offload() for work that takes long, on whole files. `fn` takes a std::stop_token,
// looks at it every few milliseconds, and returns soon after stop was requested, which happens when
// the caller is cancelled. The pool is one of its own, so that short work never waits behind it.
#pragma once

#include <optional>
#include <stop_token>

#include "node/async/event.hpp"
#include "node/async/offload.hpp"
#include "node/async/tasks.hpp"

namespace kp2p {

inline Task<> stop_when_cancelled(std::stop_source& source) {
    Event never(co_await asio::this_coro::executor);
    for (;;) {
        auto woken = co_await never.wait();
        if (woken) continue;
        source.request_stop();
        co_return;
    }
}

// Gives what `fn` gives, also when it was stopped.
template <class F>
Task<std::invoke_result_t<F&, const std::stop_token&>> offload_long(asio::thread_pool& pool, F fn) {
    std::stop_source source;
    std::optional<std::invoke_result_t<F&, const std::stop_token&>> result;
    auto body = [&](Tasks& tasks) -> Task<> {
        tasks.spawn(stop_when_cancelled(source));
        auto work = [&] { return fn(source.get_token()); };
        auto done = co_await offload(pool, work);
        result.emplace(std::move(done));
        tasks.cancel();
    };
    (void)co_await with_tasks(body);
    co_return *std::move(result);
}

}  // namespace kp2p
