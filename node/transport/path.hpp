// Path: how a ByteStream runs at this moment.
#pragma once

#include <optional>

#include "node/async/clock.hpp"
#include "proto/report/finding.hpp"

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

// As findings name it.
inline TriedPath tried_path_of(const Path& path) {
    using Way = TriedPath::Way;
    if (path.kind == Path::Kind::relayed) return {Way::relayed, path.remote};
    if (path.kind == Path::Kind::tunnelled) return {Way::tunnelled, path.remote};
    if (path.transport == Path::Transport::tcp) return {Way::tcp, path.remote};
    return {path.kind == Path::Kind::lan ? Way::lan : Way::direct, path.remote};
}

}  // namespace kp2p
