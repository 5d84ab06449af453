// Allowance: so many at once, and so many a second after that. Time is passed in.
#pragma once

#include <algorithm>
#include <chrono>

namespace kp2p::proto {

class Allowance {
  public:
    using Time = std::chrono::steady_clock::time_point;
    struct Limits {
        double per_second, at_once;
    };

    // Half full: who comes back over and over does not bring a full one each time.
    Allowance(Time now, const Limits& limits)
        : limits_(limits), left_(limits.at_once / 2), refilled_(now) {}

    bool spend(Time now) {
        const std::chrono::duration<double> since = now - refilled_;
        refilled_ = now;
        left_ = std::min(limits_.at_once, left_ + since.count() * limits_.per_second);
        if (left_ < 1) return false;
        left_ -= 1;
        return true;
    }

  private:
    Limits limits_;
    double left_;
    Time refilled_;
};

}  // namespace kp2p::proto
