#include "node/async/offload.hpp"

#include <asio/execution/outstanding_work.hpp>
#include <asio/prefer.hpp>

namespace kp2p {

Task<> run_on(asio::thread_pool& pool, std::function<void()> work) {
    auto executor = co_await asio::this_coro::executor;
    // The handler owns the waiting frame, and so all that `work` refers to: it stays with it.
    auto start = [&pool, executor](auto handler, std::function<void()> f) {
        auto home = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        asio::post(pool, [home, handler = std::move(handler), f = std::move(f)]() mutable {
            f();
            asio::post(home, [handler = std::move(handler)]() mutable { std::move(handler)(); });
        });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        std::move(start), asio::use_awaitable, std::move(work));
}

}  // namespace kp2p
