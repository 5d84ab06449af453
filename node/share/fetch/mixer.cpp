#include "node/share/fetch/mixer.hpp"

#include <algorithm>

#include "node/async/offload.hpp"
#include "proto/file/links.hpp"
#include "proto/transfer/block.hpp"

namespace kp2p {

bool Mixer::ask(Tasks& tasks, const proto::Download::AskChunk& ask) {
    const auto size = download_.size_bytes();
    if (!partial_ || !size || partial_->size_bytes() != *size) return false;
    if (!givers_.contains(ask.source) || doubted_.contains(ask.index)) return false;
    if (!partial_->has_pieces_of(ask.index)) return false;
    std::erase_if(making_, [&](const auto& entry) { return !sources_.has(entry.first.first); });
    making_.try_emplace({ask.source, ask.index});
    tasks.spawn(make(ask));
    return true;
}

Task<> Mixer::make(proto::Download::AskChunk ask) {
    const ChunkKey key{ask.source, ask.index};
    auto read = [partial = partial_, index = ask.index]() -> Result<Partial::Pieces> {
        return partial->pieces_of(index);
    };
    auto pieces = co_await offload(runtime_.pool, std::move(read));
    const auto found = making_.find(key);
    if (!pieces || found == making_.end()) co_return;
    Making& making = found->second;
    making.pieces = std::move(*pieces);
    // The link comes with any slice.
    const std::uint64_t begin = ask.index * proto::chunk_bytes;
    if (making.pieces.missing.empty()) making.pieces.missing.push_back({begin, begin + 1});
    for (const Partial::Range& range : making.pieces.missing)
        for (std::uint64_t at = range.start; at < range.end; at += proto::block_bytes)
            making.awaited[at] = std::min<std::uint64_t>(proto::block_bytes, range.end - at);
    for (const auto& [offset, length] : making.awaited)
        sources_.ask_slice({ask.source, offset, length});
}

bool Mixer::call_off(const proto::Download::CallOff& off) {
    if (making_.erase({off.source, off.index}) == 0) return false;
    download_.canceled(runtime_.clock.now(), off.source, off.index);
    return true;
}

// One that is not awaited belongs to a chunk that was called off.
void Mixer::take(Key source, const proto::Slice& slice) {
    const ChunkKey key{source, slice.offset / proto::chunk_bytes};
    const auto found = making_.find(key);
    if (found == making_.end()) return;
    Making& making = found->second;
    const auto awaited = making.awaited.find(slice.offset);
    if (awaited == making.awaited.end()) return;
    const std::span<std::uint8_t> all = making.pieces.bytes;
    const auto own = all.subspan(slice.offset % proto::chunk_bytes, awaited->second);
    if (!proto::unpack_block(slice.encoding, slice.bytes, own)) {
        making_.erase(found);
        return download_.misbehaved(runtime_.clock.now(), source);
    }
    making.link = slice.link;
    making.awaited.erase(awaited);
    if (making.awaited.empty()) finish(key);
}

void Mixer::finish(const ChunkKey& key) {
    const Making making = std::move(making_.at(key));
    making_.erase(key);
    download_.mixed(key.second);
    const ByteView all = making.pieces.bytes;
    for (std::uint64_t at = 0; at < all.size(); at += proto::block_bytes) {
        const ByteView block =
            all.subspan(at, std::min<std::size_t>(proto::block_bytes, all.size() - at));
        ByteVector payload(block.begin(), block.end());
        const ByteView bytes = payload;
        const proto::Data data{0, key.second, at, proto::BlockEncoding::plain, making.link, bytes};
        download_.receive(runtime_.clock.now(), key.first, data, std::move(payload));
    }
    pump_();
}

}  // namespace kp2p
