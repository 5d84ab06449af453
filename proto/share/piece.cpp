#include "proto/share/piece.hpp"

#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <memory>

#include "proto/compact.hpp"

namespace kp2p::proto {
namespace {

constexpr int fast_level = 1;

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

class Compressor {
  public:
    // The frame, or nothing when it is longer than `limit_bytes`. Valid until the next call.
    ByteView compress(ByteView plain, std::size_t limit_bytes) {
        if (!context_) context_.reset(ZSTD_createCCtx());
        frame_.resize(limit_bytes);
        const std::size_t size = ZSTD_compressCCtx(context_.get(), frame_.data(), frame_.size(),
                                                   plain.data(), plain.size(), fast_level);
        return ZSTD_isError(size) ? ByteView() : ByteView(frame_).first(size);
    }

  private:
    std::unique_ptr<ZSTD_CCtx, FreeContext> context_;
    ByteVector frame_;
};

}  // namespace

std::vector<ByteVector> cut_chunk(const ChunkName& name, ByteView chunk) {
    assert(!chunk.empty());
    std::vector<ByteVector> payloads;
    Compressor compressor;
    bool compressing = true;
    for (std::size_t offset = 0; offset < chunk.size(); offset += piece_bytes) {
        const ByteView plain = chunk.subspan(offset, std::min(piece_bytes, chunk.size() - offset));
        ByteView frame;
        if (compressing) frame = compressor.compress(plain, plain.size() - plain.size() / 4);
        if (offset == 0) compressing = !frame.empty();
        const bool packed = !frame.empty();
        Data data{name.id,   name.index,
                  offset,    packed ? PieceEncoding::zstd : PieceEncoding::plain,
                  name.link, packed ? frame : plain};
        payloads.push_back(encode(data).payload);
    }
    return payloads;
}

Result<void> unpack_piece(PieceEncoding encoding, ByteView bytes, std::span<std::uint8_t> plain) {
    if (encoding == PieceEncoding::plain) {
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
