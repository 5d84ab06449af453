// Opened::have of kp2p/transfer/1: a bit for each chunk of a file, the least significant of a byte
// first. Source: proto/PROTOCOL.md, section 5.
#pragma once

#include "proto/transfer/transfer.hpp"

namespace kp2p::proto {

inline std::uint64_t have_bytes(ChunkIndex chunks) { return (chunks + 7) / 8; }
inline bool has_chunk(ByteView have, ChunkIndex index) {
    return index / 8 < have.size() && (have[index / 8] >> (index % 8) & 1) != 0;
}
inline void add_chunk(ByteVector& have, ChunkIndex index) {  // one that is beyond the end is not
    if (index / 8 < have.size()) have[index / 8] |= static_cast<std::uint8_t>(1 << index % 8);
}

}  // namespace kp2p::proto
