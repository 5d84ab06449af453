// By the SHA-1 instructions of ARMv8 (SHA1C, SHA1P, SHA1M, SHA1H, SHA1SU0, SHA1SU1). Source: Arm
// Architecture Reference Manual for A-profile, C7.2.
#include "proto/file/sha1_compress.hpp"

// clang before 16 declares the intrinsics only where the whole source is compiled for them.
#if defined(__aarch64__) && !defined(__AARCH64EB__) && \
    (!defined(__clang__) || __clang_major__ >= 16 || defined(__ARM_FEATURE_SHA2))

#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#include <utility>

#if defined(__clang__)
#define KP2P_ARM_SHA __attribute__((target("sha2")))
#else
#define KP2P_ARM_SHA __attribute__((target("+crypto")))
#endif
#define KP2P_ARM_SHA_INLINE KP2P_ARM_SHA __attribute__((always_inline)) inline

namespace kp2p::proto {
namespace {

template <std::size_t lanes>
struct ArmShaRegisters {
    uint32x4_t abcd[lanes];
    std::uint32_t e[lanes];
    uint32x4_t words[4][lanes];  // the last 16 of the message schedule, in fours
};

// The rounds 4 * group to 4 * group + 3 of each lane.
template <std::size_t group, std::size_t lanes>
KP2P_ARM_SHA_INLINE void arm_sha_rounds(ArmShaRegisters<lanes>& in) {
    constexpr std::uint32_t constants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    for (std::size_t i = 0; i < lanes; ++i) {
        const uint32x4_t words =
            vaddq_u32(in.words[group % 4][i], vdupq_n_u32(constants[group / 5]));
        const std::uint32_t e = vsha1h_u32(vgetq_lane_u32(in.abcd[i], 0));
        if constexpr (group / 5 == 0)
            in.abcd[i] = vsha1cq_u32(in.abcd[i], in.e[i], words);
        else if constexpr (group / 5 == 2)
            in.abcd[i] = vsha1mq_u32(in.abcd[i], in.e[i], words);
        else
            in.abcd[i] = vsha1pq_u32(in.abcd[i], in.e[i], words);
        in.e[i] = e;
    }
    if constexpr (group < 16) {
        for (std::size_t i = 0; i < lanes; ++i) {
            uint32x4_t& words = in.words[group % 4][i];
            words =
                vsha1su0q_u32(words, in.words[(group + 1) % 4][i], in.words[(group + 2) % 4][i]);
            words = vsha1su1q_u32(words, in.words[(group + 3) % 4][i]);
        }
    }
}

template <std::size_t lanes, std::size_t... groups>
KP2P_ARM_SHA_INLINE void arm_sha_all_rounds(ArmShaRegisters<lanes>& in,
                                            std::index_sequence<groups...>) {
    (arm_sha_rounds<groups>(in), ...);
}

template <std::size_t lanes>
KP2P_ARM_SHA_INLINE void arm_sha_compress(Sha1State* const (&states)[lanes],
                                          const std::uint8_t* const (&blocks)[lanes],
                                          std::size_t count) {
    ArmShaRegisters<lanes> in;
    for (std::size_t i = 0; i < lanes; ++i) {
        in.abcd[i] = vld1q_u32(states[i]->data());
        in.e[i] = (*states[i])[4];
    }
    for (std::size_t block = 0; block < count; ++block) {
        const ArmShaRegisters<lanes> before = in;
        for (std::size_t i = 0; i < lanes; ++i) {
            for (std::size_t four = 0; four < 4; ++four) {
                const std::uint8_t* at = blocks[i] + block * sha1_block_bytes + 16 * four;
                in.words[four][i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(at)));
            }
        }
        arm_sha_all_rounds(in, std::make_index_sequence<20>());
        for (std::size_t i = 0; i < lanes; ++i) {
            in.abcd[i] = vaddq_u32(in.abcd[i], before.abcd[i]);
            in.e[i] += before.e[i];
        }
    }
    for (std::size_t i = 0; i < lanes; ++i) {
        vst1q_u32(states[i]->data(), in.abcd[i]);
        (*states[i])[4] = in.e[i];
    }
}

KP2P_ARM_SHA void arm_sha_one(Sha1State& state, const std::uint8_t* blocks, std::size_t count) {
    Sha1State* const states[] = {&state};
    const std::uint8_t* const at[] = {blocks};
    arm_sha_compress<1>(states, at, count);
}

KP2P_ARM_SHA void arm_sha_two(Sha1State& a, const std::uint8_t* blocks_a, Sha1State& b,
                              const std::uint8_t* blocks_b, std::size_t count) {
    Sha1State* const states[] = {&a, &b};
    const std::uint8_t* const at[] = {blocks_a, blocks_b};
    arm_sha_compress<2>(states, at, count);
}

void arm_sha_three(Sha1State& a, Sha1State& b, Sha1State& c, const std::uint8_t* blocks,
                   std::size_t count) {
    arm_sha_two(a, blocks, b, blocks, count);
    arm_sha_one(c, blocks, count);
}

bool has_arm_sha() {
#if defined(__APPLE__) || defined(__ARM_FEATURE_SHA2)
    return true;
#elif defined(__linux__)
    return getauxval(AT_HWCAP) & HWCAP_SHA1;
#else
    return false;
#endif
}

}  // namespace

const Sha1Compressor* sha1_compressor_arm() {
    static const Sha1Compressor own{"ARMv8 SHA-1 instructions", arm_sha_one, arm_sha_two,
                                    arm_sha_three};
    static const bool usable = has_arm_sha();
    return usable ? &own : nullptr;
}

}  // namespace kp2p::proto

#else

namespace kp2p::proto {

const Sha1Compressor* sha1_compressor_arm() { return nullptr; }

}  // namespace kp2p::proto

#endif
