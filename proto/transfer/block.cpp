#include "proto/transfer/block.hpp"

#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <memory>

#include "proto/compact.hpp"
#include "proto/file/links.hpp"

namespace kp2p::proto {
namespace {

constexpr int fast_level = 1;

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

class Compressor {
  public:
    // The frame; empty when it would be longer than `limit_bytes`.
    ByteVector compress(ByteView plain, std::size_t limit_bytes) {
        if (!context_) context_.reset(ZSTD_createCCtx());
        ByteVector frame(limit_bytes);
        const std::size_t size = ZSTD_compressCCtx(context_.get(), frame.data(), frame.size(),
                                                   plain.data(), plain.size(), fast_level);
        frame.resize(ZSTD_isError(size) ? 0 : size);
        return frame;
    }

  private:
    std::unique_ptr<ZSTD_CCtx, FreeContext> context_;
};

// Only where that saves a quarter.
BlockEncoding pack(Block& block, Compressor& compressor) {
    if (block.bytes.empty()) return BlockEncoding::plain;
    block.frame = compressor.compress(block.bytes, block.bytes.size() - block.bytes.size() / 4);
    if (block.frame.empty()) return BlockEncoding::plain;
    block.bytes = block.frame;
    return BlockEncoding::zstd;
}

}  // namespace

ByteVector Block::payload() const {
    ByteVector payload = head;
    payload.insert(payload.end(), bytes.begin(), bytes.end());
    return payload;
}

std::vector<Block> cut_chunk(const ChunkName& name, ByteView chunk) {
    assert(!chunk.empty());
    std::vector<Block> blocks;
    Compressor compressor;
    bool compressing = true;
    for (std::size_t offset = 0; offset < chunk.size(); offset += block_bytes) {
        Block block;
        block.bytes = chunk.subspan(offset, std::min(block_bytes, chunk.size() - offset));
        auto encoding = BlockEncoding::plain;
        if (compressing) encoding = pack(block, compressor);
        if (offset == 0) compressing = encoding != BlockEncoding::plain;
        block.head = encode_head(Data{name.id, name.index, offset, encoding, name.link, {}});
        blocks.push_back(std::move(block));
    }
    return blocks;
}

std::vector<Block> cut_files(FileId id, std::uint64_t first, const std::vector<ByteView>& files) {
    std::vector<Block> blocks;
    Compressor compressor;
    for (const ByteView file : files) {
        Block block;
        block.bytes = file;
        const auto encoding = pack(block, compressor);
        block.head = encode_head(WholeFile{id, first + blocks.size(), file.size(), encoding, {}});
        blocks.push_back(std::move(block));
    }
    return blocks;
}

Block cut_slice(const ChunkName& name, ByteView chunk, std::size_t at, std::size_t size) {
    Block slice;
    slice.bytes = chunk.subspan(at, size);
    Compressor compressor;
    const auto encoding = pack(slice, compressor);
    slice.head =
        encode_head(Slice{name.id, name.index * chunk_bytes + at, encoding, name.link, {}});
    return slice;
}

Result<void> unpack_block(BlockEncoding encoding, ByteView bytes, std::span<std::uint8_t> plain) {
    if (encoding == BlockEncoding::plain) {
        if (bytes.size() != plain.size()) return Errc::bad_value;
        std::copy(bytes.begin(), bytes.end(), plain.begin());
        return ok;
    }
    const std::size_t size =
        ZSTD_decompress(plain.data(), plain.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(size) || size != plain.size()) return Errc::bad_value;
    return ok;
}

}  // namespace kp2p::proto
