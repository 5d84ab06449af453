// HandClock: time stands still unless it is told to go on.
#pragma once

#include "node/async/clock.hpp"
#include "node/async/event.hpp"

namespace kp2p::test {

class HandClock final : public Clock {
  public:
    explicit HandClock(Executor executor) : advanced_(executor) {}
    Time now() const override { return now_; }
    WallTime wall_now() const override { return {}; }
    Task<Result<void>> sleep_until(Time moment) override {
        while (now_ < moment) {
            auto advanced = co_await advanced_.wait();
            if (!advanced) co_return advanced;
        }
        co_return ok;
    }
    std::unique_ptr<Alarm> alarm(Executor, std::function<void()>) override { return nullptr; }
    void advance(Span span) {
        now_ += span;
        advanced_.notify_all();
    }

  private:
    Time now_{};
    Event advanced_;
};

}  // namespace kp2p::test
