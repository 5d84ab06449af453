// Which blocks could belong to a collision attack on SHA-1. All attacks that are known to be
// feasible follow one of 32 disturbance vectors, and whatever else an attacker chooses, some bits
// of the expanded message then must be equal or must differ. About one in seventy of other blocks
// has this by chance: those are looked at more closely (sha1_attack.hpp). Source: Stevens and
// Shumow, "Speeding up detection of SHA-1 collision attacks using unavoidable attack conditions",
// USENIX Security 2017; the conditions are those that the authors publish at
// https://github.com/cr-marcstevens/sha1collisiondetection (lib/ubc_check.c), whose masks ours
// equal, bit for bit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kp2p::proto {

// I(k, b) and II(k, b), as Manuel classifies them; a vector's bit in a mask is its place here.
struct Sha1Disturbance {
    int kind, k, b;
};
inline constexpr std::size_t sha1_vectors = 32;
std::span<const Sha1Disturbance, sha1_vectors> sha1_disturbances();

// An attack by any vector of `vectors` needs this of the expanded message w:
//   bit_a of w[a] ^ bit_b of w[b] == relation
struct Sha1Condition {
    enum Relation { equal, differ };
    int a, bit_a, b, bit_b;
    Relation relation;
    std::uint32_t vectors;
};
std::span<const Sha1Condition> sha1_conditions();

// For each of `count` blocks the mask of the vectors all of whose conditions it meets, mostly 0.
struct Sha1Filter {
    const char* name;
    void (*masks)(const std::uint8_t* blocks, std::size_t count, std::uint32_t* masks);
};
// Those that this CPU can run, the best one first; for all but tests there is only that.
std::span<const Sha1Filter> sha1_filters();

}  // namespace kp2p::proto
