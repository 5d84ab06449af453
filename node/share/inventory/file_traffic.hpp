// FileTraffic: bytes of files between this node and others, as they travel, since the start.
#pragma once

#include <cstdint>

namespace kp2p {

struct FileTraffic {
    std::uint64_t received_bytes = 0, given_bytes = 0;
};

}  // namespace kp2p
