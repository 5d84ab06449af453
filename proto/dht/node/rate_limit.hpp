// Token buckets. RateLimit keeps one per source, for work that a stranger can make us do. Sources
// are remembered in a bounded cache; a forgotten one starts with a full bucket.
#pragma once

#include <algorithm>

#include "proto/dht/table/cache.hpp"
#include "proto/endpoint.hpp"

namespace kp2p::proto::dht {

// What something costs is paid as long as anything is left; so the last payment may go into debt,
// and whoever costs much is not kept out for ever.
class TokenBucket {
  public:
    struct Limits {
        double per_second;
        double burst;
    };

    TokenBucket(Time now, const Limits& limits) : tokens_(limits.burst), filled_at_(now) {}

    double left(Time now, const Limits& limits) {
        const std::chrono::duration<double> elapsed = now - filled_at_;
        tokens_ = std::min(limits.burst, tokens_ + elapsed.count() * limits.per_second);
        filled_at_ = now;
        return tokens_;
    }
    void pay(double cost) { tokens_ -= cost; }

  private:
    double tokens_;
    Time filled_at_;
};

// Whom to count something as: the host, whatever its ports. Of loopback each port: no address of it
// can be forged, and many nodes may live at one.
inline Endpoint answerable(const Endpoint& source) {
    return {source.host, source.host[0] == 127 ? source.port : std::uint16_t{0}};
}

class RateLimit {
  public:
    using Limits = TokenBucket::Limits;
    enum class Per { host, endpoint };

    RateLimit(Time now, const Limits& limits, Per per = Per::host)
        : limits_(limits), per_(per), buckets_(now, {64 << 10, std::chrono::seconds(60)}) {}

    // Whether `source` may do one more; if so it is counted.
    bool allow(Time now, const Endpoint& source) {
        TokenBucket& bucket = bucket_of(now, source);
        if (bucket.left(now, limits_) < 1) return false;
        bucket.pay(1);
        return true;
    }
    bool has_any(Time now, const Endpoint& source) {
        return bucket_of(now, source).left(now, limits_) > 0;
    }
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
