#include "proto/file/sha1_filter.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "proto/file/sha1_compress.hpp"
#include "proto/file/sha1_conditions.hpp"

#define KP2P_FILTER_INLINE __attribute__((always_inline)) inline

namespace kp2p::proto {
namespace {

using sha1_table::all_conditions;

// The message words that conditions are about, and their bits: from first_bit on to those of
// end_bits, which are counted on from 32 as a word is rotated. None is about words far apart.
constexpr int expanded_words = 65, first_bit = 28, end_bit = 40, kept_words = 16;
static_assert(std::ranges::all_of(all_conditions, [](const Sha1Condition& each) {
    const auto known = [](int bit) { return bit >= first_bit || bit + 32 < end_bit; };
    return each.a <= each.b && each.b - each.a < kept_words && each.b < expanded_words &&
           each.b >= kept_words && known(each.bit_a) && known(each.bit_b);
}));

// In the order in which their words become known.
constexpr auto sorted_conditions = [] {
    auto sorted = std::to_array(all_conditions);
    std::ranges::sort(sorted, {}, &Sha1Condition::b);
    return sorted;
}();

// `now` blocks are there, of the `count` that are needed: the others are made up in `room`.
const std::uint8_t* filled_up(const std::uint8_t* blocks, std::size_t now, std::size_t count,
                              std::uint8_t* room) {
    if (now == count) return blocks;
    std::memcpy(room, blocks, now * sha1_block_bytes);
    std::memset(room + now * sha1_block_bytes, 0, (count - now) * sha1_block_bytes);
    return room;
}

// Blocks as slices: the same bit of the same word of 32 blocks is in one lane of a vector, so that
// a rotation is only another place, and whether a condition holds is known for all of them by one
// operation. All of this is inlined into functions that are compiled for one instruction set, so
// that no lanes are passed in a call.
template <class Lanes>
struct Sliced {
    static constexpr std::size_t lanes = sizeof(Lanes) / sizeof(std::uint32_t);
    static constexpr std::size_t blocks = 32 * lanes;

    Lanes bits[kept_words][32];  // of a word of the expanded message in its place of the last 16
    Lanes ruled_out[sha1_vectors];
};

// Bit i of rows[j] and bit j of rows[i] change places, for those i and j that differ in `half`
// alone, which is 1, 2, 4, 8 or 16.
template <int half, class Lanes>
KP2P_FILTER_INLINE void exchange_bits(Lanes& a, Lanes& b) {
    constexpr std::uint32_t low = 0xffffffff / ((1u << half) + 1);
    const Lanes exchanged = (a >> half ^ b) & low;
    b ^= exchanged;
    a ^= exchanged << half;
}

// Bit i of rows[j] becomes bit j of to[i ^ order], in each lane; `order` is a multiple of 8.
template <int order, class Lanes>
KP2P_FILTER_INLINE void transpose_bits(Lanes (&rows)[32], Lanes (&to)[32]) {
    // As many at a time as there are registers for.
    for (Lanes* row = rows; row < rows + 8; ++row) {
        Lanes a = row[0], b = row[8], c = row[16], d = row[24];
        exchange_bits<16>(a, c);
        exchange_bits<16>(b, d);
        exchange_bits<8>(a, b);
        exchange_bits<8>(c, d);
        row[0] = a;
        row[8] = b;
        row[16] = c;
        row[24] = d;
    }
    for (int first = 0; first < 32; first += 8) {
        Lanes* row = rows + first;
        Lanes a = row[0], b = row[1], c = row[2], d = row[3];
        Lanes e = row[4], f = row[5], g = row[6], h = row[7];
        exchange_bits<4>(a, e);
        exchange_bits<4>(b, f);
        exchange_bits<4>(c, g);
        exchange_bits<4>(d, h);
        exchange_bits<2>(a, c);
        exchange_bits<2>(b, d);
        exchange_bits<2>(e, g);
        exchange_bits<2>(f, h);
        exchange_bits<1>(a, b);
        exchange_bits<1>(c, d);
        exchange_bits<1>(e, f);
        exchange_bits<1>(g, h);
        row = to + (first ^ order);
        row[0] = a;
        row[1] = b;
        row[2] = c;
        row[3] = d;
        row[4] = e;
        row[5] = f;
        row[6] = g;
        row[7] = h;
    }
}

// Lane i of a and lane j of b change places, for those that differ in `half`.
template <int half, class Lanes, int... lane>
KP2P_FILTER_INLINE void exchange_lanes(Lanes& a, Lanes& b, std::integer_sequence<int, lane...>) {
    constexpr int lanes = sizeof...(lane);
    const Lanes low = __builtin_shufflevector(a, b, (lane & half ? lane + lanes - half : lane)...);
    b = __builtin_shufflevector(a, b, (lane & half ? lane + lanes : lane + half)...);
    a = low;
}

template <int half, class Lanes, std::size_t lanes>
KP2P_FILTER_INLINE void transpose_lanes(Lanes (&rows)[lanes]) {
#pragma GCC unroll 16
    for (std::size_t row = 0; row < lanes; ++row)
        if ((row & half) == 0)
            exchange_lanes<half>(rows[row], rows[row + half],
                                 std::make_integer_sequence<int, int{lanes}>());
    if constexpr (half > 1) transpose_lanes<half / 2>(rows);
}

// Bytes of a word come with the highest first: the system has them the other way round.
constexpr int byte_order = std::endian::native == std::endian::little ? 24 : 0;

// The first words of as many blocks as are sliced at a time.
template <class Lanes>
KP2P_FILTER_INLINE void slice(const std::uint8_t* blocks, Sliced<Lanes>& into) {
    constexpr std::size_t lanes = Sliced<Lanes>::lanes;
    for (std::size_t word = 0; word < kept_words; word += lanes) {
        Lanes rows[lanes][32];
        for (std::size_t bit = 0; bit < 32; ++bit) {
            const std::uint8_t* at = blocks + bit * lanes * sha1_block_bytes + word * 4;
            Lanes of[lanes];
#pragma GCC unroll 16
            for (std::size_t lane = 0; lane < lanes; ++lane)
                std::memcpy(&of[lane], at + lane * sha1_block_bytes, sizeof(Lanes));
            transpose_lanes<lanes / 2>(of);
#pragma GCC unroll 16
            for (std::size_t i = 0; i < lanes; ++i) rows[i][bit] = of[i];
        }
        for (std::size_t i = 0; i < lanes; ++i)
            transpose_bits<byte_order>(rows[i], into.bits[word + i]);
    }
}

// The word `word` of the expanded message in the place of that 16 before it, as far as conditions
// are about it or about words that follow from it: a bit goes on by one place for each of these.
template <class Lanes>
KP2P_FILTER_INLINE void expand(int word, Sliced<Lanes>& in) {
    const int first = first_bit - (expanded_words - 1 - word) / 3;
    Lanes* to = in.bits[word % kept_words];
    const Lanes *a = in.bits[(word - 3) % kept_words], *b = in.bits[(word - 8) % kept_words],
                *c = in.bits[(word - 14) % kept_words];
    // From the last on, as they are still needed that are overwritten.
    for (int bit = end_bit - 33; bit > 0; --bit)
        to[bit] = a[bit - 1] ^ b[bit - 1] ^ c[bit - 1] ^ to[bit - 1];
    to[0] = a[31] ^ b[31] ^ c[31] ^ to[31];
    for (int bit = 31; bit >= first; --bit)
        to[bit] = a[bit - 1] ^ b[bit - 1] ^ c[bit - 1] ^ to[bit - 1];
}

template <std::uint32_t vectors, class Lanes>
KP2P_FILTER_INLINE void rule_out(const Lanes& broken, Lanes* out) {
    if constexpr (vectors != 0) {
        out[std::countr_zero(vectors)] |= broken;
        rule_out<(vectors & (vectors - 1))>(broken, out);
    }
}

// The words up to the later one of the condition, and what it rules out.
template <std::size_t number, class Lanes>
KP2P_FILTER_INLINE void meet(Sliced<Lanes>& in) {
    constexpr Sha1Condition condition = sorted_conditions[number];
    constexpr int known = number == 0 ? kept_words - 1 : sorted_conditions[number - 1].b;
    for (int word = known + 1; word <= condition.b; ++word) expand(word, in);
    const Lanes differing = in.bits[condition.a % kept_words][condition.bit_a] ^
                            in.bits[condition.b % kept_words][condition.bit_b];
    rule_out<condition.vectors>(condition.relation == Sha1Condition::equal ? differing : ~differing,
                                in.ruled_out);
}

template <class Lanes, std::size_t... numbers>
KP2P_FILTER_INLINE void meet_all(Sliced<Lanes>& in, std::index_sequence<numbers...>) {
    (meet<numbers>(in), ...);
}

template <class Lanes>
KP2P_FILTER_INLINE void find_masks(const std::uint8_t* blocks, std::size_t count,
                                   std::uint32_t* masks) {
    Sliced<Lanes> sliced;
    slice(blocks, sliced);
    for (Lanes& each : sliced.ruled_out) each = Lanes{};
    meet_all(sliced, std::make_index_sequence<std::size(all_conditions)>());
    for (Lanes& each : sliced.ruled_out) each = ~each;
    transpose_bits<0>(sliced.ruled_out, sliced.ruled_out);
    std::memcpy(masks, sliced.ruled_out, count * sizeof *masks);
}

template <class Lanes>
KP2P_FILTER_INLINE void find_all_masks(const std::uint8_t* blocks, std::size_t count,
                                       std::uint32_t* masks) {
    constexpr std::size_t most = Sliced<Lanes>::blocks;
    std::uint8_t room[most * sha1_block_bytes];
    for (std::size_t now; count > 0; count -= now) {
        now = std::min(count, most);
        find_masks<Lanes>(filled_up(blocks, now, most, room), now, masks);
        blocks += now * sha1_block_bytes;
        masks += now;
    }
}

// Vectors that compilers have for every CPU, in registers where it has such.
using FourLanes = std::uint32_t __attribute__((vector_size(16)));

void portable_masks(const std::uint8_t* blocks, std::size_t count, std::uint32_t* masks) {
    find_all_masks<FourLanes>(blocks, count, masks);
}

#if defined(__x86_64__)

using EightLanes = std::uint32_t __attribute__((vector_size(32)));

__attribute__((target("avx2"))) void avx2_masks(const std::uint8_t* blocks, std::size_t count,
                                                std::uint32_t* masks) {
    find_all_masks<EightLanes>(blocks, count, masks);
}

using SixteenLanes = std::uint32_t __attribute__((vector_size(64)));

__attribute__((target("avx512f"))) void avx512_masks(const std::uint8_t* blocks, std::size_t count,
                                                     std::uint32_t* masks) {
    find_all_masks<SixteenLanes>(blocks, count, masks);
}

#endif

}  // namespace

std::span<const Sha1Disturbance, sha1_vectors> sha1_disturbances() {
    return sha1_table::all_disturbances;
}

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
