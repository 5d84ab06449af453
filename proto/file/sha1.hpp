// SHA-1, with its 20-byte internal state in reach: a link is that state after a multiple of 64
// bytes (five big-endian words), and hashing can go on from one.
#pragma once

#include <array>
#include <cstdint>

#include "proto/bytes.hpp"

namespace kp2p::proto {

class Sha1Hasher {
  public:
    Sha1Hasher();
    // Goes on from `link`, the state after `done_bytes`, a multiple of 64.
    Sha1Hasher(const Sha1Link& link, std::uint64_t done_bytes);

    void update(ByteView bytes);
    Sha1Link link() const;  // only after a multiple of 64 bytes
    Sha1 finish();          // once, and nothing after it

  private:
    // OpenSSL's SHA_CTX. Its interface is deprecated but is the only one that gives and takes the
    // state, so that it is confined to sha1.cpp.
    std::array<std::uint32_t, 24> state_;
};

Sha1 sha1_of(ByteView bytes);

}  // namespace kp2p::proto
