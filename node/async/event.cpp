#include "node/async/event.hpp"

namespace kp2p {

Task<Result<void>> Event::wait() {
    co_await timer_.async_wait(use_result);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        co_return asio::error::operation_aborted;
    co_return ok;
}

}  // namespace kp2p
