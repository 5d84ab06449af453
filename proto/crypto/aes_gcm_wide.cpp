// Sources: NIST SP 800-38D; S. Gueron, "Intel Carry-Less Multiplication Instruction and its Usage
// for Computing the GCM Mode", for products of bit-reflected values: the hash key is kept times x,
// so that a product needs no shift, and is reduced in two steps by 0xc2 << 56.
#include "proto/crypto/aes_gcm_wide.hpp"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <cpuid.h>
#include <immintrin.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>

#define KP2P_WIDE __attribute__((target("avx512f,avx512bw,avx512vl,vaes,vpclmulqdq,aes,pclmul")))
#define KP2P_WIDE_INLINE KP2P_WIDE __attribute__((always_inline)) inline

namespace kp2p::proto {
namespace {

constexpr std::size_t aes_block_bytes = 16;
constexpr std::size_t aes_rounds = 14;
constexpr std::size_t hashed_at_once = 32;  // blocks, for one reduction
constexpr std::size_t streamed_at_once = 8 * 64;
constexpr std::size_t strip_bytes = 4 * streamed_at_once;  // what stays in the nearest cache

struct WideKey {
    __m128i rounds[aes_rounds + 1];
    __m128i powers[hashed_at_once + 3];  // of the hash key, from the 32nd to the first; then zeros
};

KP2P_WIDE_INLINE __m128i reflected(__m128i block) {
    return _mm_shuffle_epi8(block,
                            _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

template <int constant>
KP2P_WIDE_INLINE void expand_even(__m128i* round) {
    __m128i key = round[-2];
    const __m128i turned = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(round[-1], constant), 0xff);
    for (int i = 0; i < 3; ++i) key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    round[0] = _mm_xor_si128(key, turned);
}

KP2P_WIDE_INLINE void expand_odd(__m128i* round) {
    __m128i key = round[-2];
    const __m128i turned = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(round[-1], 0), 0xaa);
    for (int i = 0; i < 3; ++i) key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    round[0] = _mm_xor_si128(key, turned);
}

KP2P_WIDE_INLINE __m128i encrypted(const WideKey& key, __m128i block) {
    block = _mm_xor_si128(block, key.rounds[0]);
    for (std::size_t i = 1; i < aes_rounds; ++i) block = _mm_aesenc_si128(block, key.rounds[i]);
    return _mm_aesenclast_si128(block, key.rounds[aes_rounds]);
}

// Four products at a time, summed up and not reduced yet.
struct Products {
    __m512i low, middle, high;
};

KP2P_WIDE_INLINE void add_product(Products& sum, __m512i a, __m512i b) {
    sum.low = _mm512_xor_si512(sum.low, _mm512_clmulepi64_epi128(a, b, 0x00));
    sum.middle = _mm512_xor_si512(sum.middle, _mm512_clmulepi64_epi128(a, b, 0x01));
    sum.middle = _mm512_xor_si512(sum.middle, _mm512_clmulepi64_epi128(a, b, 0x10));
    sum.high = _mm512_xor_si512(sum.high, _mm512_clmulepi64_epi128(a, b, 0x11));
}

KP2P_WIDE_INLINE __m128i sum_of_four(__m512i four) {
    const __m256i two =
        _mm256_xor_si256(_mm512_castsi512_si256(four), _mm512_extracti64x4_epi64(four, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
}

KP2P_WIDE_INLINE __m128i reduced(const Products& sum) {
    const __m128i polynomial = _mm_set_epi64x(0, static_cast<long long>(0xc200000000000000));
    const __m128i low = sum_of_four(sum.low);
    __m128i middle = sum_of_four(sum.middle), high = sum_of_four(sum.high);
    middle = _mm_xor_si128(middle, _mm_shuffle_epi32(low, 0x4e));
    middle = _mm_xor_si128(middle, _mm_clmulepi64_si128(polynomial, low, 0x00));
    high = _mm_xor_si128(high, _mm_shuffle_epi32(middle, 0x4e));
    return _mm_xor_si128(high, _mm_clmulepi64_si128(polynomial, middle, 0x00));
}

KP2P_WIDE_INLINE __m128i product(__m128i a, __m128i b) {
    Products sum{};
    add_product(sum, _mm512_zextsi128_si512(a), _mm512_zextsi128_si512(b));
    return reduced(sum);
}

// GHASH of whole blocks, on from `hash`.
KP2P_WIDE __m128i hash_blocks(const WideKey& key, __m128i hash, const std::uint8_t* data,
                              std::size_t blocks) {
    const __m512i order =
        _mm512_broadcast_i32x4(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    for (; blocks >= hashed_at_once; blocks -= hashed_at_once) {
        Products sum{};
#pragma GCC unroll 8
        for (std::size_t at = 0; at < hashed_at_once; at += 4) {
            __m512i text = _mm512_loadu_si512(data + at * aes_block_bytes);
            text = _mm512_shuffle_epi8(text, order);
            if (at == 0) text = _mm512_xor_si512(text, _mm512_zextsi128_si512(hash));
            add_product(sum, text, _mm512_loadu_si512(key.powers + at));
        }
        hash = reduced(sum);
        data += hashed_at_once * aes_block_bytes;
    }
    if (blocks == 0) return hash;
    const __m128i* powers = key.powers + hashed_at_once - blocks;
    Products sum{};
    for (std::size_t at = 0; at < blocks; at += 4) {
        const std::size_t four = std::min<std::size_t>(4, blocks - at);
        const auto there = static_cast<__mmask8>((1u << 2 * four) - 1);
        __m512i text = _mm512_maskz_loadu_epi64(there, data + at * aes_block_bytes);
        text = _mm512_shuffle_epi8(text, order);
        if (at == 0) text = _mm512_xor_si512(text, _mm512_zextsi128_si512(hash));
        add_product(sum, text, _mm512_loadu_si512(powers + at));
    }
    return reduced(sum);
}

// The same of any bytes, filled up with zeros.
KP2P_WIDE __m128i hash_bytes(const WideKey& key, __m128i hash, ByteView bytes) {
    const std::size_t blocks = bytes.size() / aes_block_bytes;
    hash = hash_blocks(key, hash, bytes.data(), blocks);
    const ByteView rest = bytes.subspan(blocks * aes_block_bytes);
    if (rest.empty()) return hash;
    std::uint8_t last[aes_block_bytes] = {};
    std::copy(rest.begin(), rest.end(), last);
    return hash_blocks(key, hash, last, 1);
}

// The key stream: blocks that are numbered from `first` on.
KP2P_WIDE void stream(const WideKey& key, __m128i nonce, std::uint32_t first, std::uint8_t* to,
                      std::size_t size) {
    // The number, little-endian in the highest of four words, is turned round as it is used.
    const __m512i order =
        _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi32(4, 0, 0, 0));
    const __m128i start = _mm_insert_epi32(nonce, static_cast<int>(first), 3);
    __m512i counter =
        _mm512_add_epi32(_mm512_broadcast_i32x4(start),
                         _mm512_set_epi32(3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0));
    for (std::size_t at = 0; at < size; at += streamed_at_once) {
        __m512i blocks[8];
        const __m512i begin = _mm512_broadcast_i32x4(key.rounds[0]);
#pragma GCC unroll 16
        for (__m512i& each : blocks) {
            each = _mm512_xor_si512(_mm512_shuffle_epi8(counter, order), begin);
            counter = _mm512_add_epi32(counter, four);
        }
#pragma GCC unroll 16
        for (std::size_t round = 1; round < aes_rounds; ++round) {
            const __m512i with = _mm512_broadcast_i32x4(key.rounds[round]);
#pragma GCC unroll 16
            for (__m512i& each : blocks) each = _mm512_aesenc_epi128(each, with);
        }
        const __m512i end = _mm512_broadcast_i32x4(key.rounds[aes_rounds]);
#pragma GCC unroll 16
        for (std::size_t i = 0; i < 8; ++i)
            _mm512_storeu_si512(to + at + 64 * i, _mm512_aesenclast_epi128(blocks[i], end));
    }
}

KP2P_WIDE void mix(const std::uint8_t* from, const std::uint8_t* with, std::uint8_t* to,
                   std::size_t size) {
    std::size_t at = 0;
    for (; at + 64 <= size; at += 64)
        _mm512_storeu_si512(to + at, _mm512_xor_si512(_mm512_loadu_si512(from + at),
                                                      _mm512_loadu_si512(with + at)));
    const auto rest = static_cast<__mmask64>((std::uint64_t{1} << (size - at)) - 1);
    const __m512i last = _mm512_xor_si512(_mm512_maskz_loadu_epi8(rest, from + at),
                                          _mm512_maskz_loadu_epi8(rest, with + at));
    _mm512_mask_storeu_epi8(to + at, rest, last);
}

class VaesGcm final : public WideGcm {
  public:
    ~VaesGcm() override {
        sodium_memzero(&key_, sizeof key_);
        sodium_memzero(stream_, sizeof stream_);
    }

    KP2P_WIDE void set_key(const CipherKey& key) override {
        __m128i* const r = key_.rounds;
        r[0] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key.data()));
        r[1] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key.data() + 16));
        expand_even<0x01>(r + 2), expand_odd(r + 3);
        expand_even<0x02>(r + 4), expand_odd(r + 5);
        expand_even<0x04>(r + 6), expand_odd(r + 7);
        expand_even<0x08>(r + 8), expand_odd(r + 9);
        expand_even<0x10>(r + 10), expand_odd(r + 11);
        expand_even<0x20>(r + 12), expand_odd(r + 13);
        expand_even<0x40>(r + 14);
        // Times x: the highest bit comes back as the polynomial.
        const __m128i raw = reflected(encrypted(key_, _mm_setzero_si128()));
        const __m128i carries = _mm_srai_epi32(_mm_shuffle_epi32(raw, 0xd3), 31);
        const __m128i come_back =
            _mm_and_si128(carries, _mm_set_epi64x(static_cast<long long>(0xc200000000000001), 1));
        const __m128i first = _mm_xor_si128(_mm_add_epi64(raw, raw), come_back);
        std::fill(std::begin(key_.powers), std::end(key_.powers), _mm_setzero_si128());
        __m128i power = first;
        for (std::size_t i = hashed_at_once; i-- > 0; power = product(power, first))
            key_.powers[i] = power;
    }

    KP2P_WIDE void seal(std::span<const std::uint8_t, 12> nonce, ByteView additional,
                        std::span<const ByteView> parts, std::uint8_t* text,
                        std::uint8_t* tag) override {
        std::size_t left = 0, at = 0;
        for (const ByteView part : parts) left += part.size();
        const std::size_t size = left;
        __m128i hash = hash_bytes(key_, _mm_setzero_si128(), additional);
        auto part = parts.begin();
        for (std::size_t in_part = 0; left > 0;) {
            const std::size_t now = std::min(left, strip_bytes);
            stream(key_, load(nonce), number_of_block(at), stream_, now);
            for (std::size_t mixed = 0; mixed < now;) {
                const std::size_t some = std::min(now - mixed, part->size() - in_part);
                mix(part->data() + in_part, stream_ + mixed, text + at + mixed, some);
                mixed += some;
                in_part += some;
                if (in_part == part->size()) ++part, in_part = 0;
            }
            hash = hash_bytes(key_, hash, {text + at, now});
            at += now;
            left -= now;
        }
        finish(nonce, hash, additional.size(), size, tag);
    }

    KP2P_WIDE void open(std::span<const std::uint8_t, 12> nonce, ByteView additional,
                        ByteView sealed, std::uint8_t* text, std::uint8_t* tag) override {
        __m128i hash = hash_bytes(key_, _mm_setzero_si128(), additional);
        for (std::size_t at = 0; at < sealed.size(); at += strip_bytes) {
            const ByteView strip = sealed.subspan(at, std::min(strip_bytes, sealed.size() - at));
            hash = hash_bytes(key_, hash, strip);
            stream(key_, load(nonce), number_of_block(at), stream_, strip.size());
            mix(strip.data(), stream_, text + at, strip.size());
        }
        finish(nonce, hash, additional.size(), sealed.size(), tag);
    }

  private:
    KP2P_WIDE static __m128i load(std::span<const std::uint8_t, 12> nonce) {
        std::uint8_t block[aes_block_bytes] = {};
        std::copy(nonce.begin(), nonce.end(), block);
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(block));
    }
    // Number 1 makes the tag.
    static std::uint32_t number_of_block(std::size_t at) {
        return static_cast<std::uint32_t>(at / aes_block_bytes + 2);
    }
    KP2P_WIDE void finish(std::span<const std::uint8_t, 12> nonce, __m128i hash,
                          std::size_t additional_bytes, std::size_t text_bytes, std::uint8_t* tag) {
        const __m128i lengths = _mm_set_epi64x(static_cast<long long>(additional_bytes * 8),
                                               static_cast<long long>(text_bytes * 8));
        std::uint8_t last[aes_block_bytes];
        _mm_storeu_si128(reinterpret_cast<__m128i*>(last), reflected(lengths));
        hash = reflected(hash_blocks(key_, hash, last, 1));
        const __m128i mask =
            encrypted(key_, _mm_insert_epi32(load(nonce), static_cast<int>(0x01000000), 3));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(tag), _mm_xor_si128(hash, mask));
    }

    WideKey key_;
    alignas(64) std::uint8_t stream_[strip_bytes];
};

bool has_wide_aes() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    constexpr unsigned vaes = 1u << 9, vpclmulqdq = 1u << 10;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("pclmul") &&
           __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ecx & vaes) && (ecx & vpclmulqdq);
}

}  // namespace

std::unique_ptr<WideGcm> make_wide_gcm() {
    static const bool usable = has_wide_aes();
    return usable ? std::make_unique<VaesGcm>() : nullptr;
}

}  // namespace kp2p::proto

#else

namespace kp2p::proto {

std::unique_ptr<WideGcm> make_wide_gcm() { return nullptr; }

}  // namespace kp2p::proto

#endif
