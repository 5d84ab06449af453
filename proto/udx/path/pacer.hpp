// Pacer: spreads packets over time at a rate, in small bursts: a budget of bytes that time fills.
#pragma once

#include "proto/udx/packet.hpp"

namespace kp2p::proto::udx {

class Pacer {
  public:
    void set_rate(double bytes_per_second) { rate_ = bytes_per_second; }
    void refill(Time now);
    // A packet may overdraw the budget; the next ones then wait until a few may leave together.
    bool allows() const { return !waits_; }
    void on_sent(std::size_t bytes) {
        budget_bytes_ -= static_cast<double>(bytes);
        waits_ = budget_bytes_ <= 0;
    }
    // When to look again once allows() is false.
    Time ready_at() const;

  private:
    double quantum_bytes() const;

    double rate_ = 32e6;
    double budget_bytes_ = 25000;
    bool waits_ = false;
    Time filled_at_{};
};

}  // namespace kp2p::proto::udx
