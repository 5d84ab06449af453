#include "node/async/waking_clock.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace kp2p {
namespace {

constexpr Clock::Span look_interval = std::chrono::seconds(1);

}  // namespace

// Set again when it rings too early, which it does behind a gap.
class WakingClock::Waking final : public Alarm {
  public:
    Waking(WakingClock& clock, Executor executor, std::function<void()> on_time)
        : clock_(clock),
          on_time_(std::move(on_time)),
          alarm_(clock.machine_.alarm(executor, [this] { ring(); })) {}

    void set(Time moment) override {
        moment_ = moment;
        alarm_->set(clock_.on_machine(moment));
    }
    void clear() override { alarm_->clear(); }

  private:
    void ring() {
        if (clock_.now() < moment_) return set(moment_);
        const auto on_time = on_time_;  // outlives an alarm that it destroys
        on_time();
    }

    WakingClock& clock_;
    std::function<void()> on_time_;
    std::unique_ptr<Alarm> alarm_;
    Time moment_{};
};

Task<> WakingClock::run() {
    struct Running {
        bool& running;
        ~Running() { running = false; }
    } running{running_};
    (void)now();
    running_ = true;
    next_look_ = seen_;
    for (;;) {
        next_look_ = std::max(next_look_, seen_ - look_interval) + look_interval;
        auto slept = co_await machine_.sleep_until(next_look_);
        if (!slept) co_return;
        const Span lost_before = lost_noticed_;
        (void)now();
        lost_noticed_ = lost_;
        if (lost_noticed_ != lost_before && gap_) gap_();
    }
}

Clock::Time WakingClock::now() const {
    const Time machine = machine_.now();
    const Span step = machine - std::exchange(seen_, machine);
    if (running_ && step > longest_step) lost_ += step;
    return machine - lost_;
}

Task<Result<void>> WakingClock::sleep_until(Time moment) {
    do {
        auto slept = co_await machine_.sleep_until(on_machine(moment));
        if (!slept) co_return slept;
    } while (now() < moment);
    co_return ok;
}

Clock::Span WakingClock::about(Span span) const {
    if (!running_) return span;
    const Time machine = machine_.now();
    const auto looks = (machine + span + look_interval / 2 - next_look_) / look_interval;
    return next_look_ + std::max<std::int64_t>(looks, 0) * look_interval - machine;
}

std::unique_ptr<Alarm> WakingClock::alarm(Executor executor, std::function<void()> on_time) {
    return std::make_unique<Waking>(*this, executor, std::move(on_time));
}

}  // namespace kp2p
