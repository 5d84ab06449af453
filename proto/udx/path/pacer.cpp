#include "proto/udx/path/pacer.hpp"

#include <algorithm>

namespace kp2p::proto::udx {
namespace {

using namespace std::chrono_literals;

constexpr Span tick = 250us;            // waking up more often costs more than it smooths
constexpr double burst_seconds = 2e-3;  // what a late wake-up may catch up with
constexpr double burst_bytes = 25000;

}  // namespace

void Pacer::refill(Time now) {
    const double elapsed = std::chrono::duration<double>(now - filled_at_).count();
    if (elapsed <= 0) return;
    filled_at_ = now;
    budget_bytes_ =
        std::min(budget_bytes_ + elapsed * rate_, std::max(burst_bytes, rate_ * burst_seconds));
}

Time Pacer::ready_at() const {
    const std::chrono::duration<double> wait(std::min((1 - budget_bytes_) / rate_, 60.));
    return filled_at_ + std::max(tick, std::chrono::duration_cast<Span>(wait) + 1us);
}

}  // namespace kp2p::proto::udx
