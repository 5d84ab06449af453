#include "proto/tunnel/policy.hpp"

namespace kp2p::proto::tunnel {
namespace {

constexpr double burst_seconds = 0.5;
constexpr TokenBucket::Limits unanswered_limits{0.1, Policy::unanswered_burst};
constexpr TokenBucket::Limits unanswered_host_limits{0.5, Policy::unanswered_host_burst};
// Of destinations that have not been heard of lately: a query of the DHT asks dozens.
constexpr TokenBucket::Limits newcomer_limits{50, 1000};

TokenBucket::Limits limits_of(double per_second) {
    return {per_second, per_second * burst_seconds};
}

bool pay(TokenBucket& bucket, TokenBucket::Time now, double cost) {
    if (bucket.left(now) < 1) return false;
    bucket.pay(cost);
    return true;
}

}  // namespace

Policy::Policy(Time now, const Limits& limits)
    : limits_(limits),
      bytes_out_(now, limits_of(limits.bytes_per_second)),
      bytes_in_(now, limits_of(limits.bytes_per_second)),
      datagrams_out_(now, limits_of(limits.datagrams_per_second)),
      datagrams_in_(now, limits_of(limits.datagrams_per_second)),
      newcomers_(now, newcomer_limits),
      destinations_(max_destinations),
      hosts_(max_destinations) {}

bool Policy::is_allowed(const Endpoint& endpoint) const {
    if (endpoint.port == 0) return false;
    switch (endpoint.host.kind()) {
        case HostKind::global:
            return true;
        case HostKind::loopback:
        case HostKind::link_local:
        case HostKind::site:
        case HostKind::shared:
            return limits_.allow_private;
        case HostKind::unspecified:
        case HostKind::multicast:
        case HostKind::reserved:
            return false;
    }
    return false;
}

bool Policy::spend(Time now, const Endpoint& to) {
    Destination* destination = destinations_.find(to);
    if (destination && destination->answered && now - *destination->answered < answer_holds)
        return true;
    if (!destination) {
        if (!newcomers_.spend(now)) return false;
        destination = &destinations_.make(to, {TokenBucket(now, unanswered_limits), {}});
    }
    TokenBucket& host = hosts_.make(to.host, TokenBucket(now, unanswered_host_limits));
    if (destination->unanswered.left(now) < 1 || !host.spend(now)) return false;
    destination->unanswered.pay(1);
    destination->spent += 1;
    return true;
}

bool Policy::may_leave(Time now, const Endpoint& to, std::size_t size_bytes) {
    if (!is_allowed(to) || bytes_out_.left(now) < 1 || datagrams_out_.left(now) < 1) return false;
    if (!spend(now, to)) return false;
    bytes_out_.pay(double(size_bytes));
    datagrams_out_.pay(1);
    return true;
}

bool Policy::may_arrive(Time now, const Endpoint& from, std::size_t size_bytes) {
    if (!is_allowed(from) || datagrams_in_.left(now) < 1) return false;
    if (!pay(bytes_in_, now, double(size_bytes))) return false;
    datagrams_in_.pay(1);
    Destination& heard =
        destinations_.make(from, {TokenBucket(now, unanswered_limits), std::nullopt});
    heard.answered = now;
    if (TokenBucket* host = hosts_.find(from.host)) host->pay(-std::exchange(heard.spent, 0));
    return true;
}

}  // namespace kp2p::proto::tunnel
