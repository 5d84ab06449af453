// Pacer: spreads packets over time at a rate, in small bursts: a budget of bytes that time fills.
#pragma once

#include "proto/udx/packet.hpp"

namespace kp2p::proto::udx {

class Pacer {
  public:
    void set_rate(double bytes_per_second) { rate_ = bytes_per_second; }
    void refill(Time now);
    // A packet may overdraw the budget; the next one then waits for it.
    bool allows() const { return budget_bytes_ > 0; }
    void on_sent(std::size_t bytes) { budget_bytes_ -= static_cast<double>(bytes); }
    // When to look again once allows() is false.
    Time ready_at() const;

  private:
    double rate_ = 32e6;
    double budget_bytes_ = 25000;
    Time filled_at_{};
};

}  // namespace kp2p::proto::udx
