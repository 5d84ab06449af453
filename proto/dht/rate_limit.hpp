// RateLimit: a token bucket per source host, for work that a stranger can make us do for another.
// Hosts are remembered in a bounded cache; a forgotten one starts with a full bucket.
#pragma once

#include <algorithm>

#include "proto/dht/cache.hpp"
#include "proto/endpoint.hpp"

namespace kp2p::proto::dht {

class RateLimit {
  public:
    struct Limits {
        double per_second;
        double burst;
    };

    RateLimit(Time now, const Limits& limits)
        : limits_(limits), buckets_(now, {64 << 10, std::chrono::seconds(60)}) {}

    // Whether `source` may do one more; if so it is counted. Ports do not matter.
    bool allow(Time now, const Endpoint& source) {
        const Endpoint host{source.host, 0};
        Bucket* bucket = buckets_.find(now, host);
        if (!bucket) bucket = &buckets_.put(now, host, {limits_.burst, now});
        const std::chrono::duration<double> elapsed = now - bucket->filled_at;
        bucket->tokens =
            std::min(limits_.burst, bucket->tokens + elapsed.count() * limits_.per_second);
        bucket->filled_at = now;
        if (bucket->tokens < 1) return false;
        bucket->tokens -= 1;
        return true;
    }

  private:
    struct Bucket {
        double tokens;
        Time filled_at;
    };

    Limits limits_;
    GenerationCache<Endpoint, Bucket, EndpointHash> buckets_;
};

}  // namespace kp2p::proto::dht
