// SHA-1, with its 20-byte internal state in reach: a link is that state after a multiple of 64
// bytes (five big-endian words), and hashing can go on from one.
//
// SHA-1 is broken: whoever pays for it gets two contents with the same SHA-1 (SHAttered, 2017;
// SHA-mbles, 2020). Every known way to do so leaves traces in each content of such a pair, and all
// that is hashed here is searched for them (sha1_filter.hpp, sha1_attack.hpp; git does the same).
// Once some are found, link() and finish() give something else than SHA-1 would: it depends on all
// of the content, as it should, and matches no hash that the content is known by. So nothing that
// compares hashes ever takes such a content; who gives a name to one asks collided() first.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "proto/bytes.hpp"

namespace kp2p::proto {

// What the search begins with, and a sixth of the work: for each block of 64 bytes the attacks that
// it could belong to. That may be found before, by another core; of bytes that begin with a block
// of what is hashed.
using Sha1Masks = std::span<const std::uint32_t>;
void find_sha1_masks(ByteView bytes, std::vector<std::uint32_t>& masks);  // of its whole blocks
// Of the bytes from there on; none, which are found anew, where no block begins.
Sha1Masks masks_from(Sha1Masks masks, std::size_t offset_bytes);

class Sha1Hasher {
  public:
    Sha1Hasher();
    // Goes on from `link`, the state after `done_bytes`, a multiple of 64. Without a search it is
    // for bytes that are compared with what was searched: both contents of a pair have the traces,
    // so nothing that is known to make pairs gives a second content to one that has none.
    enum class Search { attacks, nothing };
    Sha1Hasher(const Sha1Link& link, std::uint64_t done_bytes, Search search = Search::attacks);

    // `masks`: those of `bytes`, if they are known.
    void update(ByteView bytes, Sha1Masks masks = {});
    // a.update(bytes_a), b.update(bytes_b): in little more time than one of them, as far as they
    // are equally long, if both hashers have taken a multiple of 64 bytes.
    static void update_two(Sha1Hasher& a, ByteView bytes_a, Sha1Hasher& b, ByteView bytes_b);
    // a.update(bytes), b.update(bytes), c.update(bytes): the same, of the same bytes.
    static void update_three(Sha1Hasher& a, Sha1Hasher& b, Sha1Hasher& c, ByteView bytes,
                             Sha1Masks masks = {});

    Sha1Link link() const;                       // only after a multiple of 64 bytes
    Sha1 finish();                               // once, and nothing but collided() after it
    bool collided() const { return collided_; }  // of all until finish(): an attack is in it

  private:
    friend struct Sha1Lane;
    std::size_t rest_bytes() const { return size_bytes_ % rest_.size(); }

    std::array<std::uint32_t, 5> state_;
    std::array<std::uint8_t, 64> rest_;  // what does not fill a block yet
    std::uint64_t size_bytes_ = 0;
    Search search_ = Search::attacks;
    bool collided_ = false;
};

// What finish() gives, to be compared with; and none where an attack is in the bytes, for who wants
// to name them.
Sha1 sha1_of(ByteView bytes);
std::optional<Sha1> sha1_to_name(ByteView bytes);

}  // namespace kp2p::proto
