#include "proto/transfer/part_check.hpp"

#include <algorithm>
#include <utility>

#include "proto/file/links.hpp"
#include "proto/transfer/block.hpp"

namespace kp2p::proto {

PartCheck::PartCheck(const ManifestChunk& part, FileRange wanted, std::vector<Chunk> chunks)
    : part_(part), wanted_(wanted), chunks_(std::move(chunks)) {}

bool PartCheck::step() {
    if (next_ >= chunks_.size()) return false;
    const Chunk chunk = std::move(chunks_[next_++]);  // which is not held once it is unpacked
    if (!take_chunk(*chunk))
        next_ = chunks_.size();
    else if (next_ == chunks_.size())
        right_ = hasher_.finish() == part_.sha1;
    return next_ < chunks_.size();
}

// Unpacks no block that lies beside the part: a chunk may cover many.
bool PartCheck::take_chunk(const ChunkCheck& chunk) {
    const std::uint64_t size = chunk_size_bytes(chunk.file_bytes, chunk.index);
    BulkBytes plain;
    ByteVector wanted;
    for (std::uint64_t at = 0; at < size; at += block_bytes) {
        const std::size_t number = at / block_bytes;
        if (number >= chunk.blocks.size()) return false;
        const std::uint64_t start = chunk.index * chunk_bytes + at;
        plain.resize(std::min<std::uint64_t>(block_bytes, size - at));
        const auto cut = [&](std::uint64_t from, std::uint64_t to) {
            from = std::clamp(from, start, start + plain.size());
            to = std::clamp(to, from, start + plain.size());
            return ByteView(plain).subspan(from - start, to - from);
        };
        const ByteView own = cut(part_.start_bytes, part_.end_bytes);
        if (own.empty()) continue;
        const ReceivedBlock& block = chunk.blocks[number];
        if (!unpack_block(block.encoding, block.bytes, plain)) return false;
        hasher_.update(own);
        const ByteView left = cut(std::max(part_.start_bytes, wanted_.start_bytes),
                                  std::min(part_.end_bytes, wanted_.end_bytes));
        wanted.insert(wanted.end(), left.begin(), left.end());
    }
    if (!wanted.empty()) bytes_.push_back(std::move(wanted));
    return true;
}

}  // namespace kp2p::proto
