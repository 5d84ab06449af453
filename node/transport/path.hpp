// Path: how a ByteStream runs at this moment.
#pragma once

#include <optional>

#include "node/async/clock.hpp"
#include "proto/endpoint.hpp"

namespace kp2p {

struct Path {
    enum class Kind { direct, lan, relayed, tunnelled };
    enum class Transport { udx, tcp, memory };

    Kind kind = Kind::direct;
    Transport transport = Transport::udx;
    Endpoint local, remote;
    std::optional<Clock::Span> rtt;  // smoothed, once measured
    Clock::Time since{};             // it has run like this
};

}  // namespace kp2p
