#include "node/async/offload_long.hpp"

#include <memory>

#include "node/async/event.hpp"

namespace kp2p {

Task<> stop_when_cancelled(std::stop_source& source) {
    Event never(co_await asio::this_coro::executor);
    for (;;) {
        auto woken = co_await never.wait();
        if (woken) continue;
        source.request_stop();
        co_return;
    }
}

Task<> run_long(LongThreads& threads, std::function<void()> work) {
    // The handler owns the waiting frame, and so all that `work` refers to: it stays with it.
    auto start = [&threads](auto handler, std::function<void()> f) {
        struct Job {
            decltype(handler) done;
            std::function<void()> work;
        };
        auto job = std::make_shared<Job>(Job{std::move(handler), std::move(f)});
        threads.run([job]() -> LongThreads::Deliver {
            job->work();
            return [job] { std::move(job->done)(); };
        });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        std::move(start), asio::use_awaitable, std::move(work));
}

}  // namespace kp2p
