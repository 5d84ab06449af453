// Whether a block is one of a pair that an attack on SHA-1 has made. An attack by a disturbance
// vector gives two messages whose words differ as the vector says, and whose states are the same
// before a certain step. So the other message of a pair, the sibling, can be worked out from one
// alone: if it ends in the same state, there is a collision.
// Source: Stevens, "Counter-cryptanalysis", CRYPTO 2013; and as sha1_filter.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/file/sha1_compress.hpp"

namespace kp2p::proto {

// By which the words of the two blocks of a pair differ: to be XORed.
using Sha1Difference = std::array<std::uint32_t, 16>;
const Sha1Difference& sha1_difference(std::size_t vector);  // its place in sha1_disturbances()

// Before which step both have the same state: 58 or 65.
std::size_t sha1_common_step(std::size_t vector);

struct Sha1Ends {
    Sha1State before, after;  // the chaining values around a block
    friend bool operator==(const Sha1Ends&, const Sha1Ends&) = default;
};

// A block that meets the conditions of a vector.
struct Sha1Suspect {
    Sha1Ends ends;
    const std::uint8_t* block;
    std::size_t vector;
};

// siblings() gives the ends of each one's sibling.
struct Sha1Prover {
    const char* name;
    void (*siblings)(std::span<const Sha1Suspect> suspects, Sha1Ends* siblings);
};
// Those that this CPU can run, the best one first; for all but tests there is only that.
std::span<const Sha1Prover> sha1_provers();

// Whether the sibling of any of them collides with it.
bool any_sha1_attack(std::span<const Sha1Suspect> suspects);

}  // namespace kp2p::proto
