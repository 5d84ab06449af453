// What a stream has sent, packet by packet.
#pragma once

#include "test/proto/udx/packets_of.hpp"

namespace kp2p::test {

inline constexpr proto::udx::Time start = proto::udx::Time(std::chrono::hours(1));

// The reference answers each packet at once, and holds 4 MiB.
inline proto::udx::StreamOptions like_reference(proto::udx::StreamOptions options = {}) {
    options.receive_window_bytes = 4 << 20;
    options.max_ack_delay = proto::udx::Span::zero();
    return options;
}

struct Sent {
    proto::udx::Time at;
    unsigned path;
    ByteVector bytes;

    proto::udx::Header header() const { return proto::udx::parse_packet(bytes)->header; }
};

inline std::vector<Sent> drain(proto::udx::Stream& stream, proto::udx::Time now) {
    std::vector<Sent> all;
    while (const auto burst = stream.next_burst(now))
        for (ByteVector& packet : packets_of(*burst))
            all.push_back({.at = now, .path = burst->path, .bytes = std::move(packet)});
    return all;
}

}  // namespace kp2p::test
