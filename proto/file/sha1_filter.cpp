#include "proto/file/sha1_filter.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "proto/file/sha1_compress.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define KP2P_FILTER_INLINE __attribute__((always_inline)) inline

namespace kp2p::proto {
namespace {

constexpr std::array<Sha1Disturbance, sha1_vectors> all_disturbances{{
    {1, 43, 0}, {1, 44, 0}, {1, 45, 0}, {1, 46, 0}, {1, 46, 2}, {1, 47, 0}, {1, 47, 2}, {1, 48, 0},
    {1, 48, 2}, {1, 49, 0}, {1, 49, 2}, {1, 50, 0}, {1, 50, 2}, {1, 51, 0}, {1, 51, 2}, {1, 52, 0},
    {2, 45, 0}, {2, 46, 0}, {2, 46, 2}, {2, 47, 0}, {2, 48, 0}, {2, 49, 0}, {2, 49, 2}, {2, 50, 0},
    {2, 50, 2}, {2, 51, 0}, {2, 51, 2}, {2, 52, 0}, {2, 53, 0}, {2, 54, 0}, {2, 55, 0}, {2, 56, 0},
}};

constexpr std::uint32_t mask_of(int kind, int k, int b) {
    for (std::size_t i = 0; i < all_disturbances.size(); ++i) {
        const Sha1Disturbance& each = all_disturbances[i];
        if (each.kind == kind && each.k == k && each.b == b) return 1u << i;
    }
    throw "no such vector";
}
constexpr std::uint32_t I(int k, int b = 0) { return mask_of(1, k, b); }
constexpr std::uint32_t II(int k, int b = 0) { return mask_of(2, k, b); }

constexpr auto equal = Sha1Condition::equal, differ = Sha1Condition::differ;
constexpr Sha1Condition all_conditions[] = {
    {37, 4, 40, 29, equal, I(43) | I(47) | II(46) | II(53) | II(55)},
    {38, 4, 41, 29, equal, I(44) | I(48) | II(47) | II(54) | II(56)},
    {39, 4, 42, 29, equal, I(43) | I(45) | I(49) | II(48) | II(55)},
    {40, 4, 43, 29, equal, I(44) | I(46) | I(50) | II(49) | II(56)},
    {41, 4, 44, 29, equal, I(43) | I(45) | I(47) | I(51) | II(45) | II(50)},
    {42, 4, 45, 29, equal, I(44) | I(46) | I(48) | I(52) | II(46) | II(51)},
    {43, 4, 46, 29, equal, I(43) | I(45) | I(47) | I(49) | II(47) | II(52)},
    {44, 4, 47, 29, equal, I(44) | I(46) | I(48) | I(50) | II(48) | II(53)},
    {45, 4, 48, 29, equal, I(45) | I(47) | I(49) | I(51) | II(49) | II(54)},
    {46, 4, 49, 29, equal, I(46) | I(48) | I(50) | I(52) | II(50) | II(55)},
    {47, 4, 50, 29, equal, I(47) | I(49) | I(51) | II(45) | II(51) | II(56)},
    {48, 4, 51, 29, equal, I(48) | I(50) | I(52) | II(46) | II(52)},
    {49, 4, 52, 29, equal, I(49) | I(51) | II(45) | II(47) | II(53)},
    {50, 4, 53, 29, equal, I(50) | I(52) | II(46) | II(48) | II(54)},
    {51, 4, 54, 29, equal, I(51) | II(47) | II(49) | II(55)},
    {52, 4, 55, 29, equal, I(52) | II(48) | II(50) | II(56)},
    {53, 4, 56, 29, equal, II(49) | II(51)},
    {54, 4, 57, 29, equal, II(50) | II(52)},
    {55, 4, 58, 29, equal, II(51) | II(53)},
    {56, 4, 59, 29, equal, II(52) | II(54)},
    {40, 29, 41, 29, equal, I(44) | I(47) | I(48) | II(46) | II(47) | II(56)},
    {41, 29, 42, 29, equal, I(45) | I(48) | I(49) | II(47) | II(48)},
    {42, 29, 43, 29, equal, I(46) | I(49) | I(50) | II(48) | II(49)},
    {43, 29, 44, 29, equal, I(47) | I(50) | I(51) | II(45) | II(49) | II(50)},
    {44, 29, 45, 29, equal, I(48) | I(51) | I(52) | II(45) | II(46) | II(50) | II(51)},
    {45, 29, 46, 29, equal, I(49) | I(52) | II(46) | II(47) | II(51) | II(52)},
    {46, 29, 47, 29, equal, I(43) | I(50) | II(47) | II(48) | II(52) | II(53)},
    {47, 29, 48, 29, equal, I(44) | I(51) | II(48) | II(49) | II(53) | II(54)},
    {48, 29, 49, 29, equal, I(45) | I(52) | II(49) | II(50) | II(54) | II(55)},
    {49, 29, 50, 29, equal, I(46) | II(45) | II(50) | II(51) | II(55) | II(56)},
    {50, 29, 51, 29, equal, I(47) | II(46) | II(51) | II(52) | II(56)},
    {51, 29, 52, 29, equal, I(48) | II(47) | II(52) | II(53)},
    {52, 29, 53, 29, equal, I(49) | II(45) | II(48) | II(53) | II(54)},
    {53, 29, 54, 29, equal, I(50) | II(46) | II(49) | II(54) | II(55)},
    {54, 29, 55, 29, equal, I(51) | II(47) | II(50) | II(55) | II(56)},
    {55, 29, 56, 29, equal, I(52) | II(48) | II(51) | II(56)},
    {56, 29, 57, 29, equal, II(49) | II(52)},
    {57, 29, 58, 29, equal, II(50) | II(53)},
    {58, 29, 59, 29, equal, II(51) | II(54)},
    {59, 29, 60, 29, equal, II(52)},
    {35, 4, 39, 29, equal, I(45) | I(48) | II(47)},
    {36, 4, 40, 29, equal, I(46) | I(49) | II(45) | II(48)},
    {37, 4, 41, 29, equal, I(50) | II(49)},
    {38, 4, 42, 29, equal, I(51) | II(50)},
    {39, 4, 43, 29, equal, I(52) | II(51)},
    {40, 4, 44, 29, equal, II(52)},
    {41, 4, 45, 29, equal, II(53)},
    {42, 4, 46, 29, equal, II(54)},
    {43, 4, 47, 29, equal, II(55)},
    {44, 4, 48, 29, equal, II(56)},
    {57, 4, 61, 29, equal, II(53)},
    {58, 4, 62, 29, equal, II(54)},
    {59, 4, 63, 29, equal, II(55)},
    {60, 4, 64, 29, equal, II(56)},
    {39, 6, 40, 1, equal, I(49, 2)},
    {40, 6, 41, 1, equal, I(50, 2) | II(49, 2)},
    {41, 6, 42, 1, equal, I(51, 2) | II(50, 2)},
    {42, 6, 43, 1, equal, II(46, 2) | II(51, 2)},
    {45, 6, 46, 1, equal, II(49, 2)},
    {46, 6, 47, 1, equal, I(46, 2) | II(50, 2)},
    {47, 6, 48, 1, equal, I(47, 2) | II(51, 2)},
    {48, 6, 49, 1, equal, I(48, 2)},
    {49, 6, 50, 1, equal, I(49, 2)},
    {50, 6, 51, 1, equal, I(50, 2) | II(46, 2)},
    {51, 6, 52, 1, equal, I(51, 2)},
    {53, 6, 54, 1, equal, II(49, 2)},
    {54, 6, 55, 1, equal, II(50, 2)},
    {55, 6, 56, 1, equal, II(51, 2)},
    {40, 6, 42, 6, equal, I(46, 2)},
    {41, 6, 43, 6, equal, I(47, 2)},
    {42, 6, 44, 6, equal, I(46, 2) | I(48, 2)},
    {43, 6, 45, 6, equal, I(47, 2) | I(49, 2)},
    {44, 6, 46, 6, equal, I(46, 2) | I(48, 2) | I(50, 2)},
    {45, 6, 47, 6, equal, I(47, 2) | I(49, 2) | I(51, 2)},
    {46, 6, 48, 6, equal, I(48, 2) | I(50, 2)},
    {47, 6, 49, 6, equal, I(49, 2) | I(51, 2)},
    {48, 6, 50, 6, equal, I(50, 2) | II(46, 2)},
    {49, 6, 51, 6, equal, I(51, 2)},
    {51, 6, 53, 6, equal, II(49, 2)},
    {52, 6, 54, 6, equal, II(50, 2)},
    {53, 6, 55, 6, equal, II(51, 2)},
    {35, 1, 36, 6, differ, I(46, 2) | I(49, 2)},
    {36, 1, 37, 6, differ, I(47, 2) | I(50, 2) | II(46, 2)},
    {37, 1, 38, 6, differ, I(48, 2) | I(51, 2)},
    {39, 1, 40, 6, differ, I(46, 2) | I(50, 2) | II(49, 2)},
    {40, 1, 41, 6, differ, I(47, 2) | I(51, 2) | II(50, 2)},
    {41, 1, 42, 6, differ, I(48, 2) | II(46, 2) | II(51, 2)},
    {44, 1, 45, 6, differ, I(51, 2) | II(49, 2)},
    {61, 1, 62, 6, differ, I(43)},
    {62, 1, 63, 6, differ, I(44)},
    {63, 1, 64, 6, differ, I(45) | II(45)},
    {35, 3, 39, 28, equal, I(51) | II(47)},
    {36, 3, 40, 28, equal, II(48)},
    {37, 3, 41, 28, equal, II(49)},
    {38, 3, 42, 28, equal, II(50)},
    {39, 3, 43, 28, equal, II(51)},
    {40, 3, 44, 28, equal, II(52)},
    {41, 3, 45, 28, equal, II(53)},
    {42, 3, 46, 28, equal, II(54)},
    {43, 3, 47, 28, equal, II(55)},
    {44, 3, 48, 28, equal, II(56)},
    {44, 29, 46, 29, differ, I(43) | I(45) | I(47)},
    {45, 29, 47, 29, differ, I(44) | I(46) | I(48)},
    {46, 29, 48, 29, differ, I(45) | I(47) | I(49)},
    {47, 29, 49, 29, differ, I(46) | I(48) | I(50)},
    {48, 29, 50, 29, differ, I(47) | I(49) | I(51)},
    {49, 29, 51, 29, differ, I(48) | I(50) | I(52)},
    {50, 29, 52, 29, differ, I(49) | I(51) | II(45)},
    {35, 5, 39, 30, equal, I(51, 2)},
    {37, 5, 41, 30, equal, II(49, 2)},
    {38, 5, 42, 30, equal, II(50, 2)},
    {39, 5, 43, 30, equal, II(51, 2)},
    {59, 5, 63, 30, equal, I(43)},
    {60, 5, 64, 30, equal, I(44)},
    {36, 0, 41, 30, differ, II(49, 2)},
    {37, 0, 42, 30, differ, II(50, 2)},
    {38, 0, 43, 30, differ, II(51, 2)},
    {58, 0, 63, 30, differ, I(43)},
    {59, 0, 64, 30, differ, I(44)},
    {36, 4, 38, 4, differ, II(52) | II(54)},
    {37, 4, 39, 4, differ, I(43) | II(53) | II(55)},
    {38, 4, 40, 4, differ, I(44) | II(54) | II(56)},
    {39, 4, 41, 4, differ, I(43) | I(45) | II(55)},
    {40, 4, 42, 4, differ, I(44) | I(46) | II(56)},
    {51, 29, 54, 29, differ, I(50) | II(46) | II(47)},
    {53, 29, 56, 29, differ, I(52) | II(48) | II(49)},
    {55, 29, 58, 29, differ, II(50)},
    {56, 29, 59, 29, differ, II(51) | II(52)},
    {58, 29, 61, 29, differ, II(53)},
    {35, 30, 40, 28, differ, II(48)},
    {36, 30, 41, 28, differ, II(49)},
    {37, 30, 42, 28, differ, II(50)},
    {38, 30, 43, 28, differ, II(51)},
    {39, 30, 44, 28, differ, II(52)},
    {60, 0, 61, 5, differ, I(45) | II(45)},
    {61, 0, 62, 5, differ, I(46) | II(46)},
    {62, 0, 63, 5, differ, I(47) | II(47)},
    {63, 0, 64, 5, differ, I(48) | II(48)},
    {47, 1, 51, 1, differ, II(46, 2)},
    {50, 1, 54, 1, differ, II(49, 2)},
    {51, 1, 55, 1, differ, II(50, 2)},
    {52, 1, 56, 1, differ, II(51, 2)},
    {38, 1, 40, 1, differ, I(49, 2)},
    {45, 1, 47, 1, differ, II(50, 2)},
    {46, 1, 48, 1, differ, II(51, 2)},
    {61, 2, 62, 7, differ, I(46, 2) | II(46, 2)},
    {62, 2, 63, 7, differ, I(47, 2)},
    {63, 2, 64, 7, differ, I(48, 2)},
    {36, 4, 37, 4, differ, I(50)},
    {37, 4, 38, 4, differ, I(51)},
    {38, 4, 39, 4, differ, I(52)},
    {42, 1, 50, 1, differ, I(49, 2)},
    {43, 1, 51, 1, differ, I(50, 2)},
    {37, 1, 37, 6, equal, I(51, 2)},
    {57, 4, 59, 29, equal, II(55)},
    {48, 29, 55, 29, differ, I(51) | I(52)},
};

// The words of the expanded message that any condition is about.
constexpr std::size_t expanded_words = 65;
static_assert(std::ranges::all_of(all_conditions, [](const Sha1Condition& each) {
    return each.a < int{expanded_words} && each.b < int{expanded_words};
}));

// One word each of as many blocks as a lane type has. All of this is inlined into functions that
// are compiled for one instruction set, so that no lanes are passed in a call.
template <class Lanes>
KP2P_FILTER_INLINE void expand(Lanes (&w)[expanded_words]) {
    for (std::size_t i = 16; i < expanded_words; ++i) {
        const Lanes x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
        w[i] = x << 1 | x >> 31;
    }
}

// Adds the vectors that the condition rules out.
template <std::size_t number, class Lanes, class Signed>
KP2P_FILTER_INLINE void rule_out(const Lanes (&w)[expanded_words], Lanes& out) {
    constexpr Sha1Condition condition = all_conditions[number];
    constexpr int shift_a = 31 - condition.bit_a, shift_b = 31 - condition.bit_b;
    Lanes x;
    if constexpr (shift_a == shift_b)
        x = (w[condition.a] ^ w[condition.b]) << shift_a;
    else
        x = w[condition.a] << shift_a ^ w[condition.b] << shift_b;
    const Lanes differing = (Lanes)((Signed)x >> 31);  // all bits, or none
    out |= (condition.relation == equal ? differing : ~differing) & condition.vectors;
}

template <class Lanes, class Signed, std::size_t... numbers>
KP2P_FILTER_INLINE void rule_out_all(const Lanes (&w)[expanded_words], Lanes& out,
                                     std::index_sequence<numbers...>) {
    (rule_out<numbers, Lanes, Signed>(w, out), ...);
}

template <class Lanes, class Signed>
KP2P_FILTER_INLINE void find_masks(Lanes (&w)[expanded_words], Lanes& masks) {
    expand(w);
    Lanes out = w[0] ^ w[0];
    rule_out_all<Lanes, Signed>(w, out, std::make_index_sequence<std::size(all_conditions)>());
    masks = ~out;
}

// `now` blocks are there, of the `count` that are needed: the others are made up in `room`.
const std::uint8_t* filled_up(const std::uint8_t* blocks, std::size_t now, std::size_t count,
                              std::uint8_t* room) {
    if (now == count) return blocks;
    std::memcpy(room, blocks, now * sha1_block_bytes);
    std::memset(room + now * sha1_block_bytes, 0, (count - now) * sha1_block_bytes);
    return room;
}

// Vectors that compilers have for every CPU, in registers where it has such.
using FourLanes = std::uint32_t __attribute__((vector_size(16)));
using FourSigned = std::int32_t __attribute__((vector_size(16)));

void portable_masks(const std::uint8_t* blocks, std::size_t count, std::uint32_t* masks) {
    constexpr std::size_t lanes = 4;
    std::uint8_t room[lanes * sha1_block_bytes];
    for (std::size_t done = 0; done < count; done += lanes) {
        const std::size_t now = std::min(lanes, count - done);
        const std::uint8_t* at = filled_up(blocks + done * sha1_block_bytes, now, lanes, room);
        FourLanes w[expanded_words], found;
        for (std::size_t word = 0; word < 16; ++word)
            for (std::size_t lane = 0; lane < lanes; ++lane) {
                const std::uint8_t* of = at + lane * sha1_block_bytes + 4 * word;
                w[word][lane] = std::uint32_t{of[0]} << 24 | std::uint32_t{of[1]} << 16 |
                                std::uint32_t{of[2]} << 8 | of[3];
            }
        find_masks<FourLanes, FourSigned>(w, found);
        std::memcpy(masks + done, &found, now * sizeof *masks);
    }
}

#if defined(__x86_64__)

using EightLanes = std::uint32_t __attribute__((vector_size(32)));
using EightSigned = std::int32_t __attribute__((vector_size(32)));
#define KP2P_AVX2 __attribute__((target("avx2")))

// The word `first` + i of eight blocks each becomes w[first + i], for i from 0 to 7.
KP2P_AVX2 KP2P_FILTER_INLINE void load_avx2(const std::uint8_t* blocks, std::size_t first,
                                            EightLanes* w) {
    const __m256i reversed = _mm256_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3,
                                             12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    __m256i rows[8], pairs[8], fours[8];
    for (std::size_t i = 0; i < 8; ++i) {
        const std::uint8_t* at = blocks + i * sha1_block_bytes + 4 * first;
        rows[i] =
            _mm256_shuffle_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)), reversed);
    }
    for (std::size_t i = 0; i < 8; i += 2) {
        pairs[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (std::size_t i = 0; i < 8; i += 4) {
        for (std::size_t half = 0; half < 2; ++half) {
            fours[i + 2 * half] = _mm256_unpacklo_epi64(pairs[i + half], pairs[i + half + 2]);
            fours[i + 2 * half + 1] = _mm256_unpackhi_epi64(pairs[i + half], pairs[i + half + 2]);
        }
    }
    for (std::size_t i = 0; i < 4; ++i) {
        w[first + i] = (EightLanes)_mm256_permute2x128_si256(fours[i], fours[i + 4], 0x20);
        w[first + i + 4] = (EightLanes)_mm256_permute2x128_si256(fours[i], fours[i + 4], 0x31);
    }
}

KP2P_AVX2 void avx2_masks(const std::uint8_t* blocks, std::size_t count, std::uint32_t* masks) {
    constexpr std::size_t lanes = 8;
    std::uint8_t room[lanes * sha1_block_bytes];
    for (std::size_t done = 0; done < count; done += lanes) {
        const std::size_t now = std::min(lanes, count - done);
        const std::uint8_t* at = filled_up(blocks + done * sha1_block_bytes, now, lanes, room);
        EightLanes w[expanded_words], found;
        load_avx2(at, 0, w);
        load_avx2(at, 8, w);
        find_masks<EightLanes, EightSigned>(w, found);
        std::memcpy(masks + done, &found, now * sizeof *masks);
    }
}

#define KP2P_AVX512 __attribute__((target("avx512f,avx2")))

// As find_masks(), with what this instruction set has for it: three words in one operation,
// rotations, and a comparison that says of which lanes to take the result.
template <std::size_t number>
KP2P_AVX512 KP2P_FILTER_INLINE void rule_out_avx512(const __m512i (&w)[expanded_words],
                                                    __m512i& out) {
    constexpr Sha1Condition condition = all_conditions[number];
    constexpr int turned = (condition.bit_a - condition.bit_b) & 31;
    __m512i b = w[condition.b];
    if constexpr (turned != 0) b = _mm512_rol_epi32(b, turned);
    const __m512i bit = _mm512_set1_epi32(1 << condition.bit_a);
    const __m512i x = w[condition.a] ^ b;
    const __mmask16 broken = condition.relation == equal ? _mm512_test_epi32_mask(x, bit)
                                                         : _mm512_testn_epi32_mask(x, bit);
    const __m512i vectors = _mm512_set1_epi32(static_cast<int>(condition.vectors));
    out = _mm512_mask_or_epi32(out, broken, out, vectors);
}

template <std::size_t... numbers>
KP2P_AVX512 KP2P_FILTER_INLINE __m512i find_masks_avx512(__m512i (&w)[expanded_words],
                                                         std::index_sequence<numbers...>) {
    constexpr int xor3 = 0x96;
    for (std::size_t i = 16; i < expanded_words; ++i) {
        const __m512i x = _mm512_ternarylogic_epi32(w[i - 3], w[i - 8], w[i - 14], xor3);
        w[i] = _mm512_rol_epi32(x ^ w[i - 16], 1);
    }
    __m512i out = _mm512_setzero_si512();
    (rule_out_avx512<numbers>(w, out), ...);
    return ~out;
}

KP2P_AVX512 void avx512_masks(const std::uint8_t* blocks, std::size_t count, std::uint32_t* masks) {
    constexpr std::size_t lanes = 16;
    std::uint8_t room[lanes * sha1_block_bytes];
    for (std::size_t done = 0; done < count; done += lanes) {
        const std::size_t now = std::min(lanes, count - done);
        const std::uint8_t* at = filled_up(blocks + done * sha1_block_bytes, now, lanes, room);
        EightLanes low[16], high[16];
        for (const std::size_t first : {std::size_t{0}, std::size_t{8}}) {
            load_avx2(at, first, low);
            load_avx2(at + lanes / 2 * sha1_block_bytes, first, high);
        }
        __m512i w[expanded_words];
        for (std::size_t i = 0; i < 16; ++i)
            w[i] = _mm512_inserti64x4(_mm512_castsi256_si512((__m256i)low[i]), (__m256i)high[i], 1);
        const __m512i found =
            find_masks_avx512(w, std::make_index_sequence<std::size(all_conditions)>());
        std::memcpy(masks + done, &found, now * sizeof *masks);
    }
}

#endif

}  // namespace

std::span<const Sha1Disturbance, sha1_vectors> sha1_disturbances() { return all_disturbances; }

std::span<const Sha1Condition> sha1_conditions() { return all_conditions; }

std::span<const Sha1Filter> sha1_filters() {
    static const std::vector<Sha1Filter> all = [] {
        std::vector<Sha1Filter> found;
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f")) found.push_back({"AVX-512", avx512_masks});
        if (__builtin_cpu_supports("avx2")) found.push_back({"AVX2", avx2_masks});
#endif
        found.push_back({"portable", portable_masks});
        return found;
    }();
    return all;
}

}  // namespace kp2p::proto
