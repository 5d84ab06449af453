// A chunk as it came, block by block, and the check that says what it is. run_check() is pure work
// for the pool: it unpacks the blocks that are packed and hashes all of them on from their link.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/transfer/transfer.hpp"

namespace kp2p::proto {

struct ReceivedBlock {
    Payload payload;  // keeps `bytes`
    ByteView bytes;
    BlockEncoding encoding = BlockEncoding::plain;
};

struct ChunkCheck {
    ChunkIndex index = 0;
    std::uint64_t file_bytes = 0;  // as claimed or proven; tells how long the chunk is
    Sha1Link link;                 // as claimed
    std::vector<ReceivedBlock> blocks;
};

struct CheckedChunk {
    // Its bytes, cut at multiples of block_bytes: what came plain is not copied.
    std::vector<Payload> blocks;
    Sha1Link next;  // of a chunk that is not the file's last
    Sha1 whole;     // of the last one: what the file's SHA-1 would be

    std::vector<ByteView> views() const;
};

Payload in_one_piece(const std::vector<Payload>& parts);

// An error when a block does not unpack to the bytes it must have; kp2p::Errc::sha1_collision when
// these are part of an attack on SHA-1.
Result<CheckedChunk> run_check(const ChunkCheck& check);
// Two of them, in little more time for the hashes than for those of one.
std::array<Result<CheckedChunk>, 2> run_checks(const ChunkCheck& a, const ChunkCheck& b);

}  // namespace kp2p::proto
