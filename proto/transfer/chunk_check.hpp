// A chunk as it came, piece by piece, and the check that says what it is. run_check() is pure work
// for the pool: it puts the pieces together and hashes them on from their link.
#pragma once

#include <optional>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/transfer/transfer.hpp"

namespace kp2p::proto {

struct ReceivedPiece {
    ByteVector payload;  // holds `bytes`
    ByteView bytes;
    PieceEncoding encoding = PieceEncoding::plain;
};

struct ChunkCheck {
    ChunkIndex index = 0;
    std::uint64_t file_bytes = 0;  // as claimed or proven; tells how long the chunk is
    Sha1Link link;                 // as claimed
    std::vector<ReceivedPiece> pieces;
};

struct CheckedChunk {
    BulkBytes bytes;
    Sha1Link next;  // of a chunk that is not the file's last
    Sha1 whole;     // of the last one: what the file's SHA-1 would be
};

// An error when a piece does not unpack to the bytes it must have.
Result<CheckedChunk> run_check(const ChunkCheck& check);

}  // namespace kp2p::proto
