// Bytes that look like any others, the same each time: numbers of splitmix64, which starts at 0, in
// little-endian, as in test/vectors/sha1.json.
#pragma once

#include "proto/bytes.hpp"

namespace kp2p::test {

inline ByteVector random_bytes(std::size_t size) {
    ByteVector bytes(size);
    std::uint64_t state = 0, number = 0;
    for (std::size_t i = 0; i < size; ++i) {
        if (i % 8 == 0) {
            number = state += 0x9e3779b97f4a7c15;
            number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
            number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
            number ^= number >> 31;
        }
        bytes[i] = static_cast<std::uint8_t>(number >> 8 * (i % 8));
    }
    return bytes;
}

}  // namespace kp2p::test
