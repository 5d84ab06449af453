#include "proto/udx/path/rtt.hpp"

#include <algorithm>

namespace kp2p::proto::udx {
namespace {

using namespace std::chrono_literals;

constexpr Span min_timeout = 1s, max_timeout = 30s, max_sample = 30s;
constexpr Span outlier_floor = 5s;  // below it no sample is taken for an outlier
constexpr Span minimum_window = 300s;

}  // namespace

void RoundTrip::sample(Time now, Span longest, Span shortest) {
    Span rtt = std::max<Span>(longest, 1us);
    if (!known_) {
        rtt = std::min(rtt, max_sample);
        known_ = true;
        smoothed_ = rtt;
        variation_ = rtt / 2;
    } else {
        const Span usual = smoothed_ + 5 * variation_;
        if (rtt > usual && rtt > outlier_floor) rtt = std::min(usual, max_sample);
        variation_ = (3 * variation_ + std::chrono::abs(smoothed_ - rtt)) / 4;
        smoothed_ = (7 * smoothed_ + rtt) / 8;
    }
    timeout_ = std::clamp(smoothed_ + 4 * variation_, min_timeout, max_timeout);
    minimum_.update(std::max<Span>(shortest, 1us), now, minimum_window);
}

}  // namespace kp2p::proto::udx
