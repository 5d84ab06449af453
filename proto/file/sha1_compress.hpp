// SHA-1's compression function (FIPS 180-4, 6.1.2), as fast as this CPU has it: by its SHA
// extensions where there are some, else by OpenSSL. One lane is bound by the latency of a chain of
// rounds; two independent ones, interleaved, take little longer than one, and so do three over the
// same message, whose schedule they share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kp2p::proto {

inline constexpr std::size_t sha1_block_bytes = 64;

using Sha1State = std::array<std::uint32_t, 5>;  // the chaining value: a, b, c, d, e

struct Sha1Compressor {
    const char* name;
    // Takes the state over `count` blocks.
    void (*one)(Sha1State& state, const std::uint8_t* blocks, std::size_t count);
    // Two of them, over equally many.
    void (*two)(Sha1State& a, const std::uint8_t* blocks_a, Sha1State& b,
                const std::uint8_t* blocks_b, std::size_t count);
    // Three of them, over the same blocks.
    void (*three)(Sha1State& a, Sha1State& b, Sha1State& c, const std::uint8_t* blocks,
                  std::size_t count);
};

// Those that this CPU can run, the best one first; for all but tests there is only that.
std::span<const Sha1Compressor> sha1_compressors();

// What each architecture's source has; null if this CPU, or what compiled it, cannot.
const Sha1Compressor* sha1_compressor_x86();
const Sha1Compressor* sha1_compressor_arm();

}  // namespace kp2p::proto
