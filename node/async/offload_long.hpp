// offload_long: offload() for work that takes long, on whole files. `fn` takes a std::stop_token,
// looks at it every few milliseconds, and returns soon after stop was requested, which happens when
// the caller is cancelled. It has a thread of its own, so that nothing waits behind it.
#pragma once

#include <optional>
#include <stop_token>

#include "node/async/attempt.hpp"
#include "node/async/event.hpp"
#include "node/async/long_threads.hpp"
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

// Runs `fn` to its end on a thread of `threads`.
template <class F>
Task<std::invoke_result_t<F&>> run_long(LongThreads& threads, F fn) {
    using Made = Attempt<std::invoke_result_t<F&>>;
    auto start = [&threads](auto handler, F f) {
        struct Job {
            decltype(handler) done;
            F fn;
        };
        auto job = std::make_shared<Job>(Job{std::move(handler), std::move(f)});
        threads.run([job]() -> LongThreads::Deliver {
            auto made = std::make_shared<Made>(attempt(job->fn));
            return [job, made] { std::move(job->done)(std::move(*made)); };
        });
    };
    Made made = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Made)>(
        std::move(start), asio::use_awaitable, std::move(fn));
    co_return std::move(made).get();
}

// Gives what `fn` gives, also when it was stopped.
template <class F>
Task<std::invoke_result_t<F&, const std::stop_token&>> offload_long(LongThreads& threads, F fn) {
    std::stop_source source;
    std::optional<std::invoke_result_t<F&, const std::stop_token&>> result;
    auto body = [&](Tasks& tasks) -> Task<> {
        tasks.spawn(stop_when_cancelled(source));
        auto work = [&] { return fn(source.get_token()); };
        auto done = co_await run_long(threads, work);
        result.emplace(std::move(done));
        tasks.cancel();
    };
    (void)co_await with_tasks(body);
    co_return *std::move(result);
}

}  // namespace kp2p
