#include "node/async/clock.hpp"

#include <utility>

namespace kp2p {
namespace {

// The timer is moved only for an earlier moment; when it fires too early it is armed again.
class SteadyAlarm final : public Alarm {
  public:
    SteadyAlarm(Executor executor, std::function<void()> on_time)
        : state_(std::make_shared<State>(executor, std::move(on_time))) {}
    ~SteadyAlarm() override {
        state_->moment = never;
        state_->on_time = nullptr;
        state_->timer.cancel();
    }
    void set(Clock::Time moment) override {
        state_->moment = moment;
        if (moment < state_->armed) arm(state_);
    }
    void clear() override { state_->moment = never; }

  private:
    static constexpr auto never = Clock::Time::max();
    struct State {
        State(Executor executor, std::function<void()> f)
            : timer(executor), on_time(std::move(f)) {}
        asio::steady_timer timer;
        std::function<void()> on_time;
        Clock::Time moment = never, armed = never;
    };

    static void arm(const std::shared_ptr<State>& state) {
        state->armed = state->moment;
        state->timer.expires_at(state->moment);
        state->timer.async_wait([state](std::error_code error) {
            if (error) return;  // moved earlier, or the alarm is gone
            state->armed = never;
            if (state->moment == never) return;
            if (state->moment > std::chrono::steady_clock::now()) return arm(state);
            state->moment = never;
            const auto on_time = state->on_time;  // outlives an alarm that it destroys
            if (on_time) on_time();
        });
    }

    std::shared_ptr<State> state_;
};

}  // namespace

Task<Result<void>> SteadyClock::sleep_until(Time moment) {
    asio::steady_timer timer(co_await asio::this_coro::executor, moment);
    auto [error] = co_await timer.async_wait(use_result);
    if (error) co_return error;
    co_return ok;
}

std::unique_ptr<Alarm> SteadyClock::alarm(Executor executor, std::function<void()> on_time) {
    return std::make_unique<SteadyAlarm>(executor, std::move(on_time));
}

}  // namespace kp2p
