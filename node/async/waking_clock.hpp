// WakingClock: another clock less the time in which this process stood still: suspended by a
// signal, kept waiting by a debugger, or without a turn on a machine that is busy beyond measure.
// Nobody was silent in a time in which nobody was heard, so no deadline runs on. (While the whole
// machine sleeps, its monotonic clock stands still by itself.)
//
// Shape: spawn run(), which looks at the time once a second; a gap is noticed only while it runs,
// and before anything else reads the time behind it.
#pragma once

#include "node/async/clock.hpp"

namespace kp2p {

class WakingClock final : public Clock {
  public:
    static constexpr std::chrono::seconds longest_step{5};  // what is longer is a gap

    explicit WakingClock(Clock& machine) : machine_(machine), seen_(machine.now()) {}
    WakingClock(const WakingClock&) = delete;

    Task<> run();
    // Called by run() behind a gap: others may have gone meanwhile.
    void on_gap(std::function<void()> gap) { gap_ = std::move(gap); }

    Time now() const override;
    WallTime wall_now() const override { return machine_.wall_now(); }
    Task<Result<void>> sleep_until(Time moment) override;
    // Until run() looks.
    Span about(Span span) const override;
    std::unique_ptr<Alarm> alarm(Executor executor, std::function<void()> on_time) override;

  private:
    class Waking;  // an alarm

    Time on_machine(Time moment) const { return moment + lost_; }

    Clock& machine_;
    std::function<void()> gap_;
    bool running_ = false;
    mutable Time seen_;  // on the machine's clock
    Time next_look_;     // on that, too
    mutable Span lost_{};
    Span lost_noticed_{};
};

}  // namespace kp2p
