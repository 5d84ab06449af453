#include "node/async/random.hpp"

#include <sodium/randombytes.h>

#include <array>
#include <bit>

namespace kp2p {

std::uint64_t Random::number() {
    std::array<std::uint8_t, sizeof(std::uint64_t)> bytes;
    fill(bytes);
    return std::bit_cast<std::uint64_t>(bytes);
}

void SystemRandom::fill(std::span<std::uint8_t> bytes) {
    randombytes_buf(bytes.data(), bytes.size());
}

}  // namespace kp2p
