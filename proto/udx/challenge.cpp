#include "proto/udx/challenge.hpp"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace kp2p::proto::udx {

static_assert(std::tuple_size_v<ChallengeKey> == crypto_shorthash_KEYBYTES);

Challenge::Challenge(std::uint64_t first_seq, const ChallengeKey& key, std::uint64_t round)
    : first_(first_seq) {
    std::array<std::uint64_t, 2> input{round, 0};
    for (; std::popcount(mask_) < static_cast<int>(asked); ++input[1]) {
        std::uint64_t drawn = 0;
        static_assert(sizeof drawn == crypto_shorthash_BYTES);
        crypto_shorthash(reinterpret_cast<std::uint8_t*>(&drawn),
                         reinterpret_cast<const std::uint8_t*>(input.data()), sizeof input,
                         key.data());
        for (; drawn != 0 && std::popcount(mask_) < static_cast<int>(asked); drawn /= numbers)
            mask_ |= std::uint64_t{1} << drawn % numbers;
    }
}

// Which of our numbers lie in [start, end).
std::uint64_t Challenge::bits(std::uint64_t start, std::uint64_t end) const {
    start = std::max(start, first_);
    end = std::min(end, end_seq());
    if (start >= end) return 0;
    const std::uint64_t run = end - start;
    const std::uint64_t ones = run == numbers ? ~std::uint64_t{0} : (std::uint64_t{1} << run) - 1;
    return ones << (start - first_);
}

Challenge::Answer Challenge::check(const Packet& packet, std::uint64_t ack) const {
    std::uint64_t named = bits(0, ack);
    for (std::size_t i = 0; i < packet.sack_ranges(); ++i) {
        const SackRange range = packet.sack_range(i);
        named |= bits(widen(first_, range.start), widen(first_, range.end));
    }
    if (named & ~mask_) return Answer::forged;
    return named == mask_ ? Answer::right : Answer::none;
}

}  // namespace kp2p::proto::udx
