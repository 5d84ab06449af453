// SHA-1 links: how a file is verified chunk by chunk, back to front, by nothing but its SHA-1.
//
// A file is cut in chunks of 1 MiB, the last one shorter; an empty file has one empty chunk. Link i
// is the SHA-1 state before chunk i; link 0 is SHA-1's own initial value, for every file.
//   next_link(link i, chunk i)            = link i+1
//   finish_chunk(last link, last chunk)   = the file's SHA-1, the total size being in the padding
// So the last chunk, its link and the size are checked against the SHA-1; that makes its link
// trusted, and the chunk before it is checked against that; and so on to link 0.
// Pure functions, callable from any thread; about 0.6 ms a chunk where the CPU has SHA extensions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "proto/file/sha1.hpp"

namespace kp2p::proto {

inline constexpr std::uint64_t chunk_bytes = std::uint64_t{1} << 20;
inline constexpr std::uint64_t max_file_bytes = std::uint64_t{1} << 53;  // of any file we handle

constexpr std::uint64_t chunk_count(std::uint64_t size_bytes) {
    return size_bytes == 0 ? 1 : (size_bytes - 1) / chunk_bytes + 1;
}
// Bytes in chunk `index` of a file; index < chunk_count(size_bytes).
constexpr std::uint64_t chunk_size_bytes(std::uint64_t size_bytes, std::uint64_t index) {
    return index + 1 == chunk_count(size_bytes) ? size_bytes - index * chunk_bytes : chunk_bytes;
}

Sha1Link first_link();

// The link after a chunk that is not the last; Errc::bad_value unless it has chunk_bytes,
// kp2p::Errc::sha1_collision if it is part of an attack on SHA-1.
Result<Sha1Link> next_link(const Sha1Link& link, ByteViews chunk);
inline Result<Sha1Link> next_link(const Sha1Link& link, ByteView chunk) {
    return next_link(link, ByteViews(&chunk, 1));
}

// next_link() of two chunks, in little more time than of one as far as their parts are equally
// long.
struct LinkedChunk {
    const Sha1Link& link;
    ByteViews bytes;
};
std::array<Result<Sha1Link>, 2> next_links(const LinkedChunk& a, const LinkedChunk& b);

// The SHA-1 of a file of `size_bytes` whose last chunk this is, after `link`; Errc::bad_value when
// the chunk's length does not fit that size, or the size is above max_file_bytes; else as
// next_link().
Result<Sha1> finish_chunk(const Sha1Link& link, ByteViews chunk, std::uint64_t size_bytes);
inline Result<Sha1> finish_chunk(const Sha1Link& link, ByteView chunk, std::uint64_t size_bytes) {
    return finish_chunk(link, ByteViews(&chunk, 1), size_bytes);
}

// Whether a chunk is the one that was hashed to make `next`, or the SHA-1, out of `link`. For links
// that were made here: since they were searched for attacks, the chunk is not.
bool is_between(const Sha1Link& link, ByteView chunk, const Sha1Link& next);
bool is_last_of(const Sha1& whole, const Sha1Link& link, ByteView chunk, std::uint64_t size_bytes);

// XXH3-64: no proof, but it tells bytes that have rotted from those that were hashed, at the speed
// of memory.
std::uint64_t content_sum(ByteView bytes);
std::uint64_t content_sum(ByteViews bytes);

// The content_sum() of each chunk of a file that comes from front to back.
class ChunkSums {
  public:
    ChunkSums();
    ChunkSums(ChunkSums&&) noexcept;
    ChunkSums& operator=(ChunkSums&&) noexcept;
    ~ChunkSums();

    void update(ByteView bytes);
    std::vector<std::uint64_t> finish();  // once, and no update() after it: chunk_count(size)

  private:
    class Sum;
    std::unique_ptr<Sum> sum_;  // of the chunk so far
    std::uint64_t size_bytes_ = 0;
    std::vector<std::uint64_t> sums_;
};

// Hashes a file from front to back and keeps the link of each chunk.
class LinkHasher {
  public:
    void update(ByteView bytes, Sha1Masks masks = {});  // as in Sha1Hasher
    // Once, and no update() after it. From then on links() holds chunk_count(size).
    Sha1 finish();
    bool collided() const { return hasher_.collided(); }  // as in Sha1Hasher

    std::uint64_t size_bytes() const { return size_bytes_; }
    const std::vector<Sha1Link>& links() const { return links_; }

  private:
    friend class ManifestHasher;  // which hashes the same bytes at the same time
    // The first of `bytes` that lie in one chunk, whose link is kept, and once they are hashed.
    ByteView begin_part(ByteView bytes);
    void end_part(ByteView part) { size_bytes_ += part.size(); }

    Sha1Hasher hasher_;
    std::uint64_t size_bytes_ = 0;
    std::vector<Sha1Link> links_{first_link()};
};

}  // namespace kp2p::proto
