#include "proto/transfer/chunk_check.hpp"

#include <algorithm>
#include <utility>

#include "proto/file/links.hpp"
#include "proto/transfer/block.hpp"

namespace kp2p::proto {
namespace {

Result<CheckedChunk> put_together(const ChunkCheck& check) {
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
    return checked;
}

bool is_last_chunk(const ChunkCheck& check) {
    return check.index + 1 == chunk_count(check.file_bytes);
}

Result<CheckedChunk> with_next(Result<CheckedChunk> checked, const Result<Sha1Link>& next) {
    if (!next) return next.error();
    checked->next = *next;
    return checked;
}

// Puts the hash in.
Result<CheckedChunk> hashed(const ChunkCheck& check, Result<CheckedChunk> checked) {
    if (!checked) return checked;
    if (!is_last_chunk(check)) {
        const auto next = next_link(check.link, checked->bytes);
        return with_next(std::move(checked), next);
    }
    auto whole = finish_chunk(check.link, checked->bytes, check.file_bytes);
    if (!whole) return whole.error();
    checked->whole = *whole;
    return checked;
}

}  // namespace

Result<CheckedChunk> run_check(const ChunkCheck& check) {
    return hashed(check, put_together(check));
}

std::array<Result<CheckedChunk>, 2> run_checks(const ChunkCheck& a, const ChunkCheck& b) {
    auto checked_a = put_together(a), checked_b = put_together(b);
    if (!checked_a || !checked_b || is_last_chunk(a) || is_last_chunk(b))
        return {hashed(a, std::move(checked_a)), hashed(b, std::move(checked_b))};
    const auto next = next_links({a.link, checked_a->bytes}, {b.link, checked_b->bytes});
    return {with_next(std::move(checked_a), next[0]), with_next(std::move(checked_b), next[1])};
}

}  // namespace kp2p::proto
