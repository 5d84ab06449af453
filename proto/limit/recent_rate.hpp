// RecentRate: how fast something grows just now: what it grew by in the last few seconds, so that
// what began fast and has stalled does not look as if it went on.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace kp2p::proto {

class RecentRate {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds span{5};
    static constexpr std::chrono::milliseconds step{200};  // what is told closer together is one

    void at(Time now, std::uint64_t total) {
        if (!samples_.empty() && total < samples_.back().total) samples_.clear();
        if (samples_.size() > 1 && now - samples_[samples_.size() - 2].time < step)
            samples_.pop_back();
        samples_.push_back({now, total});
        forget(now);
    }
    // A second; 0 before the second time that something was told, and when it has stalled.
    double per_second(Time now) const {
        if (samples_.empty()) return 0;
        const Sample* first = &samples_.front();
        for (const Sample& sample : samples_)
            if (now - sample.time >= span) first = &sample;
        const double seconds = std::chrono::duration<double>(now - first->time).count();
        if (seconds < 0.1) return 0;
        return static_cast<double>(samples_.back().total - first->total) / seconds;
    }

  private:
    struct Sample {
        Time time;
        std::uint64_t total;
    };
    void forget(Time now) {
        while (samples_.size() > 1 && now - samples_[1].time >= span) samples_.pop_front();
    }
    std::deque<Sample> samples_;  // one a step, and one from before the span
};

}  // namespace kp2p::proto
