#include "proto/file/sha1_attack.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "proto/file/sha1_filter.hpp"

#define KP2P_ATTACK_INLINE __attribute__((always_inline)) inline

namespace kp2p::proto {
namespace {

// A disturbance vector starts a local collision in step i for each bit of its word i; the five
// steps after it correct what the disturbance does to the state.
constexpr Sha1Difference difference_of(const Sha1Disturbance& vector) {
    constexpr std::size_t ahead = 5;  // words before the first step, whose corrections reach it
    std::array<std::uint32_t, ahead + 80> words{};
    // Sixteen of them, from k on, are the vector; those before follow by the message expansion.
    const std::size_t k = ahead + static_cast<std::size_t>(vector.k);
    words[k + 15] = std::rotl(1u, vector.b);
    if (vector.kind == 2) words[k + 1] = words[k + 3] = std::rotl(1u << 31, vector.b);
    for (std::size_t i = k; i-- > 0;)
        words[i] = std::rotr(words[i + 16], 1) ^ words[i + 13] ^ words[i + 8] ^ words[i + 2];
    Sha1Difference difference{};
    for (std::size_t i = 0; i < difference.size(); ++i) {
        const std::uint32_t* at = words.data() + ahead + i;
        difference[i] = at[0] ^ std::rotl(at[-1], 5) ^ at[-2] ^ std::rotl(at[-3], 30) ^
                        std::rotl(at[-4], 30) ^ std::rotl(at[-5], 30);
    }
    return difference;
}

// Lanes: the same word of several suspects. All of this is inlined into functions that are compiled
// for one instruction set, so that no lanes are passed in a call.
template <class Lanes>
struct LaneState {
    Lanes a, b, c, d, e;
};

template <int count, class Lanes>
KP2P_ATTACK_INLINE void rotate(Lanes& x) {
    x = x << count | x >> (32 - count);
}

template <class Lanes>
KP2P_ATTACK_INLINE void expand_all(Lanes (&w)[80]) {
    for (std::size_t i = 16; i < 80; ++i) {
        w[i] = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
        rotate<1>(w[i]);
    }
}

// What a step adds besides its word and e.
template <std::size_t twenty, class Lanes>
KP2P_ATTACK_INLINE void mix(const LaneState<Lanes>& at, Lanes& mixed) {
    mixed = at.a;
    rotate<5>(mixed);
    if constexpr (twenty == 0) mixed += (((at.c ^ at.d) & at.b) ^ at.d) + 0x5a827999u;
    if constexpr (twenty == 1) mixed += (at.b ^ at.c ^ at.d) + 0x6ed9eba1u;
    if constexpr (twenty == 2) mixed += ((at.b & at.c) + ((at.b ^ at.c) & at.d)) + 0x8f1bbcdcu;
    if constexpr (twenty == 3) mixed += (at.b ^ at.c ^ at.d) + 0xca62c1d6u;
}

// The steps from `from` to before `to`, all of one group of twenty.
template <std::size_t from, std::size_t to, class Lanes>
KP2P_ATTACK_INLINE void go_on(LaneState<Lanes>& at, const Lanes (&w)[80]) {
    static_assert(from / 20 == (to - 1) / 20);
    for (std::size_t i = from; i < to; ++i) {
        Lanes mixed;
        mix<from / 20>(at, mixed);
        rotate<30>(at.b);
        at = {mixed + at.e + w[i], at.a, at.b, at.c, at.d};
    }
}

// Takes them back: from the state before `to` to that before `from`.
template <std::size_t from, std::size_t to, class Lanes>
KP2P_ATTACK_INLINE void go_back(LaneState<Lanes>& at, const Lanes (&w)[80]) {
    static_assert(from / 20 == (to - 1) / 20);
    for (std::size_t i = to; i-- > from;) {
        Lanes mixed;
        rotate<2>(at.c);
        const Lanes next = at.a;
        at = {at.b, at.c, at.d, at.e, at.e};
        mix<from / 20>(at, mixed);
        at.e = next - w[i] - mixed;
    }
}

// `state`: that after the last step of the suspects. From there back to the common state, and from
// that to both ends of the siblings, which have the words `other`. Lanes of `late` are all ones
// where the common state is that before step 65: those take the siblings' words from there on.
template <class Lanes>
KP2P_ATTACK_INLINE void find_ends(const Lanes (&w)[80], const Lanes (&other)[80], const Lanes& late,
                                  LaneState<Lanes>& state, LaneState<Lanes>& end) {
    Lanes between[80];
    for (std::size_t i = 58; i < 65; ++i) between[i] = (w[i] & ~late) | (other[i] & late);
    go_back<65, 80>(state, w);
    go_back<60, 65>(state, between);
    go_back<58, 60>(state, between);
    end = state;
    go_on<58, 60>(end, other);
    go_on<60, 80>(end, other);
    go_back<40, 58>(state, other);
    go_back<20, 40>(state, other);
    go_back<0, 20>(state, other);
}

std::uint32_t big_endian_word(const std::uint8_t* at) {
    return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 |
           at[3];
}

// At least one suspect and at most as many as there are lanes; the last one fills the others.
template <class Lanes>
KP2P_ATTACK_INLINE void siblings_of(std::span<const Sha1Suspect> suspects, Sha1Ends* siblings) {
    constexpr std::size_t lanes = sizeof(Lanes) / sizeof(std::uint32_t);
    alignas(Lanes) std::uint32_t words[16][lanes], others[16][lanes], states[5][lanes],
        lates[lanes];
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        const Sha1Suspect& of = suspects[std::min(lane, suspects.size() - 1)];
        const Sha1Difference& difference = sha1_difference(of.vector);
        for (std::size_t i = 0; i < 16; ++i) {
            words[i][lane] = big_endian_word(of.block + 4 * i);
            others[i][lane] = words[i][lane] ^ difference[i];
        }
        for (std::size_t i = 0; i < 5; ++i) states[i][lane] = of.ends.after[i] - of.ends.before[i];
        lates[lane] = sha1_common_step(of.vector) == 65 ? 0xffffffff : 0;
    }
    Lanes w[80], other[80], late;
    std::memcpy(w, words, sizeof words);
    std::memcpy(other, others, sizeof others);
    std::memcpy(&late, lates, sizeof lates);
    LaneState<Lanes> state, end;
    std::memcpy(&state, states, sizeof states);
    expand_all(w);
    expand_all(other);
    find_ends(w, other, late, state, end);
    std::uint32_t starts[5][lanes], ends[5][lanes];
    std::memcpy(starts, &state, sizeof starts);
    std::memcpy(ends, &end, sizeof ends);
    for (std::size_t lane = 0; lane < suspects.size(); ++lane)
        for (std::size_t i = 0; i < 5; ++i) {
            siblings[lane].before[i] = starts[i][lane];
            siblings[lane].after[i] = starts[i][lane] + ends[i][lane];
        }
}

template <class Lanes>
KP2P_ATTACK_INLINE void all_siblings(std::span<const Sha1Suspect> suspects, Sha1Ends* siblings) {
    constexpr std::size_t lanes = sizeof(Lanes) / sizeof(std::uint32_t);
    for (std::size_t done = 0; done < suspects.size(); done += lanes)
        siblings_of<Lanes>(suspects.subspan(done, std::min(lanes, suspects.size() - done)),
                           siblings + done);
}

using FourSuspects = std::uint32_t __attribute__((vector_size(16)));

void portable_siblings(std::span<const Sha1Suspect> suspects, Sha1Ends* siblings) {
    all_siblings<FourSuspects>(suspects, siblings);
}

#if defined(__x86_64__)

using EightSuspects = std::uint32_t __attribute__((vector_size(32)));

__attribute__((target("avx2"))) void avx2_siblings(std::span<const Sha1Suspect> suspects,
                                                   Sha1Ends* siblings) {
    all_siblings<EightSuspects>(suspects, siblings);
}

using SixteenSuspects = std::uint32_t __attribute__((vector_size(64)));

__attribute__((target("avx512f"))) void avx512_siblings(std::span<const Sha1Suspect> suspects,
                                                        Sha1Ends* siblings) {
    all_siblings<SixteenSuspects>(suspects, siblings);
}

#endif

}  // namespace

const Sha1Difference& sha1_difference(std::size_t vector) {
    static const auto all = [] {
        std::array<Sha1Difference, sha1_vectors> differences;
        for (std::size_t i = 0; i < differences.size(); ++i)
            differences[i] = difference_of(sha1_disturbances()[i]);
        return differences;
    }();
    return all[vector];
}

std::size_t sha1_common_step(std::size_t vector) {
    return sha1_disturbances()[vector].k < 50 ? 58 : 65;
}

std::span<const Sha1Prover> sha1_provers() {
    static const std::vector<Sha1Prover> all = [] {
        std::vector<Sha1Prover> found;
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f")) found.push_back({"AVX-512", avx512_siblings});
        if (__builtin_cpu_supports("avx2")) found.push_back({"AVX2", avx2_siblings});
#endif
        found.push_back({"portable", portable_siblings});
        return found;
    }();
    return all;
}

bool any_sha1_attack(std::span<const Sha1Suspect> suspects) {
    static const Sha1Prover& best = sha1_provers().front();
    constexpr std::size_t at_once = 16;
    Sha1Ends siblings[at_once];
    for (; !suspects.empty(); suspects = suspects.subspan(std::min(at_once, suspects.size()))) {
        const auto some = suspects.first(std::min(at_once, suspects.size()));
        best.siblings(some, siblings);
        for (std::size_t i = 0; i < some.size(); ++i)
            if (siblings[i].after == some[i].ends.after) return true;
    }
    return false;
}

}  // namespace kp2p::proto
