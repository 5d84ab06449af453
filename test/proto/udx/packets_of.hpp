// The packets of a burst, as a socket would cut it.
#pragma once

#include <algorithm>
#include <vector>

#include "proto/udx/stream.hpp"

namespace kp2p::test {

inline std::vector<ByteVector> packets_of(const proto::udx::Burst& burst) {
    ByteVector all;
    for (ByteView piece : burst.pieces) all.insert(all.end(), piece.begin(), piece.end());
    std::vector<ByteVector> packets;
    for (ByteView rest = all; !rest.empty();) {
        const ByteView one = rest.first(std::min(burst.segment_bytes, rest.size()));
        packets.emplace_back(one.begin(), one.end());
        rest = rest.subspan(one.size());
    }
    return packets;
}

}  // namespace kp2p::test
