#include "proto/transfer/chunk_check.hpp"

#include <algorithm>

#include "proto/file/links.hpp"
#include "proto/transfer/block.hpp"

namespace kp2p::proto {

Result<CheckedChunk> run_check(const ChunkCheck& check) {
    CheckedChunk checked;
    checked.bytes.resize(chunk_size_bytes(check.file_bytes, check.index));
    std::span<std::uint8_t> rest = checked.bytes;
    for (const ReceivedBlock& block : check.blocks) {
        const auto plain = rest.first(std::min(block_bytes, rest.size()));
        if (auto unpacked = unpack_block(block.encoding, block.bytes, plain); !unpacked)
            return unpacked.error();
        rest = rest.subspan(plain.size());
    }
    if (!rest.empty()) return Errc::truncated;
    if (check.index + 1 == chunk_count(check.file_bytes)) {
        auto whole = finish_chunk(check.link, checked.bytes, check.file_bytes);
        if (!whole) return whole.error();
        checked.whole = *whole;
    } else {
        auto next = next_link(check.link, checked.bytes);
        if (!next) return next.error();
        checked.next = *next;
    }
    return checked;
}

}  // namespace kp2p::proto
