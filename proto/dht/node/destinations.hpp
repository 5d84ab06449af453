// Destinations: what requests() remembers of those it has asked: how long they take to answer, and
// whether they have stopped answering. Time is only the `now` passed in; the jitter of timeouts
// comes from a seed. Estimates of whom nobody asks for some minutes are forgotten.
#pragma once

#include <random>

#include "proto/dht/node/adaptive_timeout.hpp"
#include "proto/dht/table/cache.hpp"
#include "proto/endpoint.hpp"

namespace kp2p::proto::dht {

class Destinations {
  public:
    // An ordinary node asks some hundred others in the time that is remembered, hardly more than
    // requests can be pending; the 65 536 entries of the reference would only keep strangers.
    static constexpr std::size_t max_bytes = 512 * 1024;  // twice, see cache.hpp
    static constexpr Span lifetime = std::chrono::minutes(10);
    // That many transmissions in a row without an answer, though others did answer, are silence.
    static constexpr unsigned silence = 2;
    static constexpr Span silence_lifetime = std::chrono::minutes(1);

    Destinations(Time now, std::uint64_t seed)
        : random_(seed), known_(now, {max_bytes, lifetime}) {}

    // Of the transmission number `attempt`, from 1.
    Span timeout(Time now, const Endpoint& to, unsigned attempt);
    // Only of answers to a first or second transmission, counted from the first.
    void answered(Time now, const Endpoint& by, Span round_trip);
    void unanswered(Time now, const Endpoint& by);  // a transmission, while others answered
    void heard(Time now, const Endpoint& from);     // whatever it was: it is not silent
    bool is_silent(Time now, const Endpoint& node);
    // Of all that answer, the latest counting most; nothing: none has.
    std::optional<AdaptiveTimeout::Milliseconds> round_trip() const { return all_.average(); }

  private:
    struct Known {
        AdaptiveTimeout round_trips;
        unsigned unanswered = 0;
        Time silent_until{};
    };
    Known& known(Time now, const Endpoint& node);

    std::mt19937_64 random_;
    AdaptiveTimeout all_;
    GenerationCache<Endpoint, Known, EndpointHash> known_;
};

}  // namespace kp2p::proto::dht
