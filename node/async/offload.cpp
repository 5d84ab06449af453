#include "node/async/offload.hpp"

#include <asio/execution/outstanding_work.hpp>
#include <asio/prefer.hpp>
#include <memory>

namespace kp2p {

Task<> run_on(Pool& pool, std::function<void()> work) {
    auto executor = co_await asio::this_coro::executor;
    // The handler owns the waiting frame, and so all that `work` refers to: it stays with it, and
    // the pool has let go of both when the caller goes on.
    auto start = [&pool, executor](auto handler, std::function<void()> f) {
        struct Job {
            decltype(handler) done;
            std::function<void()> work;
        };
        auto home = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        auto job = std::make_shared<Job>(Job{std::move(handler), std::move(f)});
        pool.post([home, job = std::move(job)]() mutable {
            job->work();
            asio::post(home, [job = std::move(job)] { std::move(job->done)(); });
        });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        std::move(start), asio::use_awaitable, std::move(work));
}

}  // namespace kp2p
