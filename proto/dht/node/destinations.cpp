#include "proto/dht/node/destinations.hpp"

namespace kp2p::proto::dht {
namespace {

constexpr std::uint64_t jitter_values = 256;

AdaptiveTimeout::Milliseconds in_milliseconds(Span span) {
    return std::chrono::duration_cast<AdaptiveTimeout::Milliseconds>(span);
}

}  // namespace

Destinations::Known& Destinations::known(Time now, const Endpoint& node) {
    if (Known* known = known_.find(now, node)) return *known;
    return known_.put(now, node, Known());
}

Span Destinations::timeout(Time now, const Endpoint& to, unsigned attempt) {
    const AdaptiveTimeout::Milliseconds jitter(random_() % jitter_values);
    if (const Known* known = known_.find(now, to))
        return known->round_trips.timeout(attempt, jitter);
    return AdaptiveTimeout().timeout(attempt, jitter);
}

void Destinations::answered(Time now, const Endpoint& by, Span round_trip) {
    known(now, by).round_trips.sample(in_milliseconds(round_trip));
    all_.sample(in_milliseconds(round_trip));
}

void Destinations::unanswered(Time now, const Endpoint& by) {
    Known& node = known(now, by);
    if (++node.unanswered >= silence) node.silent_until = now + silence_lifetime;
}

void Destinations::heard(Time now, const Endpoint& from) {
    Known* node = known_.find(now, from);
    if (!node) return;
    node->unanswered = 0;
    node->silent_until = Time();
}

bool Destinations::is_silent(Time now, const Endpoint& node) {
    const Known* known = known_.find(now, node);
    return known && now < known->silent_until;
}

}  // namespace kp2p::proto::dht
