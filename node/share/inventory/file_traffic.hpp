// What came of sharing since the start. FileTraffic: bytes of files between this node and others,
// as they travel. FileCounts: what happened.
#pragma once

#include <array>
#include <cstdint>

namespace kp2p {

struct FileTraffic {
    struct Bytes {
        std::uint64_t received = 0, given = 0;
    };
    std::array<Bytes, 4> by_path = {};  // by Path::Kind

    Bytes all() const {
        Bytes sum;
        for (const Bytes& each : by_path) {
            sum.received += each.received;
            sum.given += each.given;
        }
        return sum;
    }
};

struct FileCounts {
    std::uint64_t gives = 0;         // files that a node had open here and got something of
    std::uint64_t wrong_bytes = 0;   // nodes that were blamed for them, once a load
    std::uint64_t rotten_files = 0;  // of the storage, set aside
};

}  // namespace kp2p
