// Blocks: how a chunk travels. A chunk of n bytes is cut at multiples of block_bytes; each block
// is one `data` message, plain or as one zstd frame of its own. Pure work for the pool.
#pragma once

#include <vector>

#include "proto/transfer/transfer.hpp"

namespace kp2p::proto {

struct ChunkName {
    FileId id = 0;
    ChunkIndex index = 0;
    Sha1Link link;
};

// The payload of one `data` message: head, then bytes. They lie in the chunk, or in `frame`.
struct Block {
    ByteVector head;
    ByteView bytes;
    ByteVector frame;  // zstd

    std::size_t size_bytes() const { return head.size() + bytes.size(); }
    ByteVector payload() const;
};

// The blocks of `chunk` (1 byte to 1 MiB), which must outlive them. Its first block decides whether
// the others are compressed: only when that saves a quarter; a block that does not shrink travels
// plain all the same.
std::vector<Block> cut_chunk(const ChunkName& name, ByteView chunk);

// Files of a `get files`, of 1 byte to block_bytes each: those from `first` on, which must outlive
// them; of one that is empty, that it is not given.
std::vector<Block> cut_files(FileId id, std::uint64_t first, const std::vector<ByteView>& files);

// The slice of a file that lies `at` bytes into `chunk`, which has the index and link of `name`. It
// owns its bytes, or they lie in the chunk.
Block cut_slice(const ChunkName& name, ByteView chunk, std::size_t at, std::size_t size);

// Writes the block's bytes to `plain`, whose size says how many they must be. Errc::bad_value if
// they are not so many or no valid frame; never writes or holds more than that.
Result<void> unpack_block(BlockEncoding encoding, ByteView bytes, std::span<std::uint8_t> plain);

}  // namespace kp2p::proto
