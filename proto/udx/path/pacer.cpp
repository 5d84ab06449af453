#include "proto/udx/path/pacer.hpp"

#include <algorithm>

namespace kp2p::proto::udx {
namespace {

using namespace std::chrono_literals;

constexpr Span tick = 250us;  // waking up more often costs more than it smooths
// What leaves together: so much of time, or of longer where that is no more than a connection
// begins with, and on slow links a few packets if that is not too long.
constexpr double quantum_seconds = 1e-3, slow_quantum_seconds = 2e-3, max_quantum_seconds = 10e-3;
constexpr double few_packets_bytes = 4 * 1500, max_quantum_bytes = 65507;
// What a late wake-up may catch up with: on a busy machine one is late by some milliseconds, but
// few queues on the way take as much of a fast link.
constexpr double burst_seconds = 2e-3, late_seconds = 8e-3;
constexpr double burst_bytes = 25000, late_bytes = 400000;

}  // namespace

void Pacer::refill(Time now) {
    const double elapsed = std::chrono::duration<double>(now - filled_at_).count();
    if (elapsed <= 0) return;
    filled_at_ = now;
    const double late = std::min(rate_ * late_seconds, late_bytes);
    const double most = std::max({burst_bytes, rate_ * burst_seconds, late});
    budget_bytes_ = std::min(budget_bytes_ + elapsed * rate_, most);
    if (budget_bytes_ >= quantum_bytes()) waits_ = false;
}

double Pacer::quantum_bytes() const {
    const double few = std::max(1., std::min(few_packets_bytes, rate_ * max_quantum_seconds));
    const double slow = std::min(rate_ * slow_quantum_seconds, burst_bytes);
    return std::clamp(std::max(rate_ * quantum_seconds, slow), few, max_quantum_bytes);
}

Time Pacer::ready_at() const {
    const std::chrono::duration<double> wait(
        std::min((quantum_bytes() - budget_bytes_) / rate_, 60.));
    return filled_at_ + std::max(tick, std::chrono::duration_cast<Span>(wait) + 1us);
}

}  // namespace kp2p::proto::udx
