#include "node/async/clock.hpp"

namespace kp2p {

Task<Result<void>> SteadyClock::sleep_until(Time moment) {
    asio::steady_timer timer(co_await asio::this_coro::executor, moment);
    auto [error] = co_await timer.async_wait(use_result);
    if (error) co_return error;
    co_return ok;
}

}  // namespace kp2p
