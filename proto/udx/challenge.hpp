// Challenge: a question that only who receives at an address can answer, made of what every UDX
// peer does anyway: it says which packets it has. Of a run of fresh sequence numbers a few are sent
// to the address, as packets without bytes, and the others are held back; which ones, nobody can
// guess. An answer that names all that were sent proves that they were received; one that names
// another is forged. The answer may take any way back.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "proto/udx/packet.hpp"

namespace kp2p::proto::udx {

using ChallengeKey = std::array<std::uint8_t, 16>;

class Challenge {
  public:
    // 906192 ways to choose, in few enough bytes to be an answer to one short packet.
    static constexpr unsigned numbers = 32, asked = 6;
    static constexpr std::size_t sent_bytes = asked * header_bytes;

    // `round` makes each challenge under one key another.
    Challenge(std::uint64_t first_seq, const ChallengeKey& key, std::uint64_t round);

    std::uint64_t first_seq() const { return first_; }
    std::uint64_t end_seq() const { return first_ + numbers; }
    bool asks(std::uint64_t seq) const { return mask_ >> (seq - first_) & 1; }

    enum class Answer { none, right, forged };
    // The packet acknowledges everything below `ack` beside its ranges.
    Answer check(const Packet& packet, std::uint64_t ack) const;

  private:
    std::uint64_t bits(std::uint64_t start, std::uint64_t end) const;

    std::uint64_t first_;
    std::uint64_t mask_ = 0;  // of those that are sent, the first number lowest
};

}  // namespace kp2p::proto::udx
