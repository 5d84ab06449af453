#include "proto/dht/node/adaptive_timeout.hpp"

#include <algorithm>
#include <cstdlib>

namespace kp2p::proto::dht {
namespace {

constexpr std::int64_t min_ms = 300, max_ms = 4000, first_guess_ms = 250;
constexpr unsigned last_attempt = 5;  // from here on the guess for an unknown peer stays

}  // namespace

void AdaptiveTimeout::sample(Milliseconds round_trip) {
    const std::int64_t x = round_trip.count();
    if (!average_ms_) {
        average_ms_ = x;
        variance_ms_ = x >> 1;
        return;
    }
    variance_ms_ += (std::abs(*average_ms_ - x) - variance_ms_) >> 2;
    *average_ms_ += (x - *average_ms_) >> 3;
}

AdaptiveTimeout::Milliseconds AdaptiveTimeout::timeout(unsigned attempt,
                                                       Milliseconds jitter) const {
    if (!average_ms_)
        return Milliseconds(first_guess_ms << (std::min(attempt, last_attempt) - 1)) + jitter;
    const std::int64_t ms = (*average_ms_ + 2 * variance_ms_) * attempt + jitter.count();
    return Milliseconds(std::clamp(ms, min_ms, max_ms));
}

std::optional<AdaptiveTimeout::Milliseconds> AdaptiveTimeout::average() const {
    if (!average_ms_) return std::nullopt;
    return Milliseconds(*average_ms_);
}

}  // namespace kp2p::proto::dht
