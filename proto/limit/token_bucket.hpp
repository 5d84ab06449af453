// TokenBucket: so much at once, and so much a second after that. Time is passed in.
#pragma once

#include <algorithm>
#include <chrono>

namespace kp2p::proto {

class TokenBucket {
  public:
    using Time = std::chrono::steady_clock::time_point;
    struct Limits {
        double per_second, burst;
    };
    // Half full for whoever comes back over and over: it shall not bring a full one each time.
    enum class Start { full, half };

    TokenBucket(Time now, const Limits& limits, Start start = Start::full)
        : limits_(limits),
          left_(start == Start::full ? limits.burst : limits.burst / 2),
          filled_at_(now) {}

    // Takes one if there is one.
    bool spend(Time now) {
        if (left(now) < 1) return false;
        pay(1);
        return true;
    }
    double left(Time now) {
        const std::chrono::duration<double> elapsed = now - filled_at_;
        left_ = std::min(limits_.burst, left_ + elapsed.count() * limits_.per_second);
        filled_at_ = now;
        return left_;
    }
    // For what costs more than one, while anything is left: the last payment may go into debt, so
    // that whoever costs much is not kept out for ever.
    void pay(double cost) { left_ -= cost; }

  private:
    Limits limits_;
    double left_;
    Time filled_at_;
};

}  // namespace kp2p::proto
