// Encoded: a message as Protomux carries it.
#pragma once

#include "proto/bytes.hpp"

namespace kp2p::proto {

struct Encoded {
    std::uint64_t type = 0;  // among the messages of its protocol
    ByteVector payload;
};

}  // namespace kp2p::proto
