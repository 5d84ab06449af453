// By the SHA extensions of x86 (SHA1RNDS4, SHA1NEXTE, SHA1MSG1, SHA1MSG2). Source: Intel 64 and
// IA-32 Architectures Software Developer's Manual, volume 2.
#include "proto/file/sha1_compress.hpp"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <cpuid.h>
#include <immintrin.h>

#include <utility>

#define KP2P_SHA_NI __attribute__((target("sha,sse4.1,ssse3")))
#define KP2P_SHA_NI_INLINE KP2P_SHA_NI __attribute__((always_inline)) inline

namespace kp2p::proto {
namespace {

// SHA1RNDS4 has a in the highest of the four words, SHA1NEXTE e in the highest too.
// There is one message for each lane, or one for all.
template <std::size_t ni_lanes, std::size_t ni_messages>
struct ShaNiRegisters {
    __m128i abcd[ni_lanes], e[ni_lanes];
    __m128i words[4][ni_messages];  // the last 16 of the message schedule, in fours
};

// The rounds 4 * ni_group to 4 * ni_group + 3 of each lane.
template <std::size_t ni_group, std::size_t ni_lanes, std::size_t ni_messages>
KP2P_SHA_NI_INLINE void sha_ni_rounds(ShaNiRegisters<ni_lanes, ni_messages>& in) {
    for (std::size_t i = 0; i < ni_lanes; ++i) {
        const __m128i words = in.words[ni_group % 4][i % ni_messages], abcd = in.abcd[i];
        const __m128i e =
            ni_group == 0 ? _mm_add_epi32(in.e[i], words) : _mm_sha1nexte_epu32(in.e[i], words);
        in.abcd[i] = _mm_sha1rnds4_epu32(abcd, e, ni_group / 5);
        in.e[i] = abcd;
    }
    if constexpr (ni_group < 16) {
        for (std::size_t i = 0; i < ni_messages; ++i) {
            __m128i& words = in.words[ni_group % 4][i];
            words = _mm_sha1msg1_epu32(words, in.words[(ni_group + 1) % 4][i]);
            words = _mm_xor_si128(words, in.words[(ni_group + 2) % 4][i]);
            words = _mm_sha1msg2_epu32(words, in.words[(ni_group + 3) % 4][i]);
        }
    }
}

template <std::size_t ni_lanes, std::size_t ni_messages, std::size_t... groups>
KP2P_SHA_NI_INLINE void sha_ni_all_rounds(ShaNiRegisters<ni_lanes, ni_messages>& in,
                                          std::index_sequence<groups...>) {
    (sha_ni_rounds<groups>(in), ...);
}

template <std::size_t ni_lanes, std::size_t ni_messages>
KP2P_SHA_NI_INLINE void sha_ni_compress(Sha1State* const (&states)[ni_lanes],
                                        const std::uint8_t* const (&blocks)[ni_messages],
                                        std::size_t count) {
    const __m128i reversed = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    ShaNiRegisters<ni_lanes, ni_messages> in;
    for (std::size_t i = 0; i < ni_lanes; ++i) {
        const auto* abcd = reinterpret_cast<const __m128i*>(states[i]->data());
        in.abcd[i] = _mm_shuffle_epi32(_mm_loadu_si128(abcd), 0x1b);
        in.e[i] = _mm_set_epi32(static_cast<int>((*states[i])[4]), 0, 0, 0);
    }
    for (std::size_t block = 0; block < count; ++block) {
        __m128i abcd[ni_lanes], e[ni_lanes];
        for (std::size_t i = 0; i < ni_lanes; ++i) {
            abcd[i] = in.abcd[i];
            e[i] = in.e[i];
        }
        for (std::size_t i = 0; i < ni_messages; ++i) {
            for (std::size_t four = 0; four < 4; ++four) {
                const std::uint8_t* at = blocks[i] + block * sha1_block_bytes + 16 * four;
                in.words[four][i] = _mm_shuffle_epi8(
                    _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)), reversed);
            }
        }
        sha_ni_all_rounds(in, std::make_index_sequence<20>());
        for (std::size_t i = 0; i < ni_lanes; ++i) {
            in.e[i] = _mm_sha1nexte_epu32(in.e[i], e[i]);
            in.abcd[i] = _mm_add_epi32(in.abcd[i], abcd[i]);
        }
    }
    for (std::size_t i = 0; i < ni_lanes; ++i) {
        auto* abcd = reinterpret_cast<__m128i*>(states[i]->data());
        _mm_storeu_si128(abcd, _mm_shuffle_epi32(in.abcd[i], 0x1b));
        (*states[i])[4] = static_cast<std::uint32_t>(_mm_extract_epi32(in.e[i], 3));
    }
}

KP2P_SHA_NI void sha_ni_one(Sha1State& state, const std::uint8_t* blocks, std::size_t count) {
    Sha1State* const states[] = {&state};
    const std::uint8_t* const at[] = {blocks};
    sha_ni_compress(states, at, count);
}

KP2P_SHA_NI void sha_ni_two(Sha1State& a, const std::uint8_t* blocks_a, Sha1State& b,
                            const std::uint8_t* blocks_b, std::size_t count) {
    Sha1State* const states[] = {&a, &b};
    const std::uint8_t* const at[] = {blocks_a, blocks_b};
    sha_ni_compress(states, at, count);
}

KP2P_SHA_NI void sha_ni_three(Sha1State& a, Sha1State& b, Sha1State& c, const std::uint8_t* blocks,
                              std::size_t count) {
    Sha1State* const states[] = {&a, &b, &c};
    const std::uint8_t* const at[] = {blocks};
    sha_ni_compress(states, at, count);
}

bool has_sha_ni() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_SSE4_1) || !(ecx & bit_SSSE3))
        return false;
    constexpr unsigned sha = 1u << 29;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & sha);
}

}  // namespace

const Sha1Compressor* sha1_compressor_x86() {
    static const Sha1Compressor own{"x86 SHA extensions", sha_ni_one, sha_ni_two, sha_ni_three};
    static const bool usable = has_sha_ni();
    return usable ? &own : nullptr;
}

}  // namespace kp2p::proto

#else

namespace kp2p::proto {

const Sha1Compressor* sha1_compressor_x86() { return nullptr; }

}  // namespace kp2p::proto

#endif
