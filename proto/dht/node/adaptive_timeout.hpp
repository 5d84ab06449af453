// Request timeouts that follow the round-trip times of a destination. Integer milliseconds
// throughout. Source: npm dht-rpc 6.27.0 (lib/io.js), where it is an option that is off by default.
#pragma once

#include <cstdint>
#include <optional>

#include "proto/dht/time.hpp"

namespace kp2p::proto::dht {

class AdaptiveTimeout {  // of one destination
  public:
    using Milliseconds = std::chrono::milliseconds;

    // Only round trips of a first or second transmission count.
    void sample(Milliseconds round_trip);
    // `attempt` is 1 for the first transmission; `jitter` is random, 0 to 255 ms.
    Milliseconds timeout(unsigned attempt, Milliseconds jitter) const;
    std::optional<Milliseconds> average() const;

  private:
    std::optional<std::int64_t> average_ms_;
    std::int64_t variance_ms_ = 0;
};

}  // namespace kp2p::proto::dht
