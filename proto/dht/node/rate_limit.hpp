// RateLimit: a bucket for each source, for work that a stranger can make us do. Sources are
// remembered in a bounded cache; a forgotten one starts with a full bucket.
#pragma once

#include "proto/dht/table/cache.hpp"
#include "proto/endpoint.hpp"
#include "proto/limit/token_bucket.hpp"

namespace kp2p::proto::dht {

// Whom to count something as: the host, whatever its ports. Of loopback each port: no address of it
// can be forged, and many nodes may live at one.
inline Endpoint answerable(const Endpoint& source) {
    return {source.host, source.host.is_loopback() ? source.port : std::uint16_t{0}};
}

class RateLimit {
  public:
    using Limits = TokenBucket::Limits;
    enum class Per { host, endpoint };

    RateLimit(Time now, const Limits& limits, Per per = Per::host)
        : limits_(limits), per_(per), buckets_(now, {80 << 10, std::chrono::seconds(60)}) {}

    // Whether `source` may do one more; if so it is counted.
    bool allow(Time now, const Endpoint& source) { return bucket_of(now, source).spend(now); }
    bool has_any(Time now, const Endpoint& source) { return bucket_of(now, source).left(now) > 0; }
    void pay(Time now, const Endpoint& source, double cost) { bucket_of(now, source).pay(cost); }

  private:
    TokenBucket& bucket_of(Time now, const Endpoint& source) {
        const Endpoint key = per_ == Per::host ? Endpoint{source.host, 0} : source;
        if (TokenBucket* bucket = buckets_.find(now, key)) return *bucket;
        return buckets_.put(now, key, TokenBucket(now, limits_));
    }

    Limits limits_;
    Per per_;
    GenerationCache<Endpoint, TokenBucket, EndpointHash> buckets_;
};

}  // namespace kp2p::proto::dht
