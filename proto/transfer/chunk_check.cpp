#include "proto/transfer/chunk_check.hpp"

#include <algorithm>
#include <utility>

#include "proto/file/links.hpp"
#include "proto/transfer/block.hpp"

namespace kp2p::proto {
namespace {

Result<Payload> plain_block(const ReceivedBlock& block, std::size_t size) {
    if (block.encoding == BlockEncoding::plain) {
        if (block.bytes.size() != size) return Errc::bad_value;
        return block.payload.part(block.bytes);
    }
    const auto plain = std::make_shared<BulkBytes>(size);
    if (auto unpacked = unpack_block(block.encoding, block.bytes, *plain); !unpacked)
        return unpacked.error();
    return Payload(plain, *plain);
}

Result<CheckedChunk> unpacked(const ChunkCheck& check) {
    CheckedChunk checked;
    std::uint64_t left = chunk_size_bytes(check.file_bytes, check.index);
    for (const ReceivedBlock& block : check.blocks) {
        auto plain = plain_block(block, std::min<std::uint64_t>(block_bytes, left));
        if (!plain) return plain.error();
        left -= plain->size();
        checked.blocks.push_back(*std::move(plain));
    }
    if (left > 0) return Errc::truncated;
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
        const auto next = next_link(check.link, checked->views());
        return with_next(std::move(checked), next);
    }
    auto whole = finish_chunk(check.link, checked->views(), check.file_bytes);
    if (!whole) return whole.error();
    checked->whole = *whole;
    return checked;
}

}  // namespace

Result<CheckedChunk> run_check(const ChunkCheck& check) { return hashed(check, unpacked(check)); }

std::array<Result<CheckedChunk>, 2> run_checks(const ChunkCheck& a, const ChunkCheck& b) {
    auto checked_a = unpacked(a), checked_b = unpacked(b);
    if (!checked_a || !checked_b || is_last_chunk(a) || is_last_chunk(b))
        return {hashed(a, std::move(checked_a)), hashed(b, std::move(checked_b))};
    const auto views_a = checked_a->views(), views_b = checked_b->views();
    const auto next = next_links({a.link, views_a}, {b.link, views_b});
    return {with_next(std::move(checked_a), next[0]), with_next(std::move(checked_b), next[1])};
}

std::vector<ByteView> CheckedChunk::views() const { return {blocks.begin(), blocks.end()}; }

Payload in_one_piece(const std::vector<Payload>& parts) {
    if (parts.size() == 1) return parts[0];
    ByteVector all;
    for (const ByteView part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

}  // namespace kp2p::proto
