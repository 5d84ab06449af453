// PartCheck: a part of a file, the bytes that its manifest has a SHA-1 for, as it came: the chunks
// that cover it, and the check that says whether it is right. Pure work for the pool, a chunk at a
// time, so that a large part holds no thread for long; shape: while (step()) {}.
#pragma once

#include <memory>
#include <vector>

#include "proto/file/manifest.hpp"
#include "proto/transfer/chunk_check.hpp"

namespace kp2p::proto {

struct FileRange {
    std::uint64_t start_bytes = 0, end_bytes = 0;  // end: exclusive
};

class PartCheck {
  public:
    using Chunk = std::shared_ptr<const ChunkCheck>;  // may cover several parts

    // `chunks`: those that cover the part, in order. Of the part only what lies in `wanted` is left
    // over.
    PartCheck(const ManifestChunk& part, FileRange wanted, std::vector<Chunk> chunks);

    bool step();                                          // whether there is more to do
    bool right() const { return right_; }                 // when there is not
    bool collided() const { return hasher_.collided(); }  // why it is not: as in Sha1Hasher
    // The wanted bytes of a part that is right, in pieces of a chunk at most; none is empty.
    std::vector<ByteVector> take_bytes() { return std::move(bytes_); }

  private:
    bool take_chunk(const ChunkCheck& chunk);

    ManifestChunk part_;
    FileRange wanted_;
    std::vector<Chunk> chunks_;
    std::size_t next_ = 0;
    Sha1Hasher hasher_;
    std::vector<ByteVector> bytes_;
    bool right_ = false;
};

}  // namespace kp2p::proto
