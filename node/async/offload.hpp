// offload: runs `fn` on the pool of threads and resumes the caller on its own thread with the
// result, or with what it threw. `fn` takes no reference to anything of the node: values in, values
// out. It cannot be cancelled, so it is a slice of at most about 50 ms. If the caller is cancelled
// meanwhile it still waits for it.
#pragma once

#include <asio/execution/outstanding_work.hpp>
#include <asio/prefer.hpp>
#include <asio/thread_pool.hpp>
#include <type_traits>
#include <utility>

#include "node/async/asio.hpp"
#include "node/async/attempt.hpp"

namespace kp2p {

template <class F>
Task<std::invoke_result_t<F&>> offload(asio::thread_pool& pool, F fn) {
    using Made = Attempt<std::invoke_result_t<F&>>;
    auto executor = co_await asio::this_coro::executor;
    auto start = [&pool, executor](auto handler, F f) {
        auto home = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        asio::post(pool, [home, handler = std::move(handler), f = std::move(f)]() mutable {
            Made made = attempt(f);
            asio::post(home, [handler = std::move(handler), made = std::move(made)]() mutable {
                std::move(handler)(std::move(made));
            });
        });
    };
    Made made = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Made)>(
        std::move(start), asio::use_awaitable, std::move(fn));
    co_return std::move(made).get();
}

}  // namespace kp2p
