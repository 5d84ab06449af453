// The bytes of the files in test/vectors/file.json.
#pragma once

#include "proto/bytes.hpp"

namespace kp2p::test {

inline ByteVector content(std::size_t size) {
    ByteVector bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::uint8_t>(i * 31 + (i >> 8) * 7);
    return bytes;
}

}  // namespace kp2p::test
