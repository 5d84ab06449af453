// What a stream has sent, packet by packet.
#pragma once

#include "test/proto/udx/packets_of.hpp"

namespace kp2p::test {

inline constexpr proto::udx::Time start = proto::udx::Time(std::chrono::hours(1));

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
