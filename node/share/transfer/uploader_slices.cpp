// The half of Uploader that gives slices.
#include "node/share/transfer/uploader.hpp"

namespace kp2p {

namespace {

constexpr std::size_t max_slices = 64;  // cut from a chunk at a time

}  // namespace

Result<void> Uploader::get_slice(const proto::GetSlice& get) {
    const auto found = files_.find(get.id);
    if (found == files_.end()) return ok;
    File& file = found->second;
    if (!file.chunks) return proto::Errc::bad_state;
    const std::uint64_t index = get.offset / proto::chunk_bytes;
    const bool sane = get.length > 0 && get.length <= proto::block_bytes &&
                      get.offset < file.chunks->size_bytes() &&
                      get.length <= file.chunks->size_bytes() - get.offset &&
                      (get.offset + get.length - 1) / proto::chunk_bytes == index;
    if (!sane) return proto::Errc::bad_state;
    if (asked_ >= proto::max_outstanding_gets) {
        refuse(get.id, proto::RefusalCode::limit);
    } else if (!can_give(file, index)) {
        refuse_chunk(get.id, file);
    } else {
        ++asked_;
        if (file.slices.empty()) sliced_.push_back(get.id);
        file.slices.push_back({get.offset, get.length});
        sliced_filled_.notify_all();
    }
    return ok;
}

// Those that lie in the same chunk as the one that has waited longest.
std::optional<Uploader::WantedSlices> Uploader::next_slices() {
    while (!sliced_.empty()) {
        const proto::FileId id = sliced_.front();
        sliced_.pop_front();
        const auto found = files_.find(id);
        if (found == files_.end() || found->second.slices.empty()) continue;
        std::deque<Span>& spans = found->second.slices;
        WantedSlices wanted{{id, spans.front().offset / proto::chunk_bytes}, {}};
        std::deque<Span> others;
        for (const Span& span : spans) {
            const bool same = span.offset / proto::chunk_bytes == wanted.chunk.index;
            if (same && wanted.spans.size() < max_slices)
                wanted.spans.push_back(span);
            else
                others.push_back(span);
        }
        spans = std::move(others);
        asked_ -= wanted.spans.size();
        if (!spans.empty()) sliced_.push_back(id);
        return wanted;
    }
    return std::nullopt;
}

Task<> Uploader::slice_loop(std::shared_ptr<MuxChannel> channel) {
    for (;;) {
        const auto wanted = next_slices();
        if (!wanted) {
            auto filled = co_await sliced_filled_.wait();
            if (!filled) co_return;
            continue;
        }
        const auto file = files_.find(wanted->chunk.id);
        const std::uint64_t number = file->second.number;
        Cut cut = [wanted = *wanted](const Chunk& chunk) {
            std::vector<proto::Block> slices;
            const proto::ChunkName name{wanted.chunk.id, wanted.chunk.index, chunk.link};
            for (const Span& span : wanted.spans)
                slices.push_back(cut_slice(name, chunk.bytes, span.offset % proto::chunk_bytes,
                                           static_cast<std::size_t>(span.length)));
            return slices;
        };
        auto made = co_await read_and(wanted->chunk, std::move(cut));
        for (std::size_t i = 0; made && i < made->blocks.size(); ++i) {
            auto allowed = co_await turn(wanted->chunk.id, made->blocks[i].size_bytes());
            if (!allowed) co_return;
            const auto still = files_.find(wanted->chunk.id);
            if (still == files_.end() || still->second.number != number) break;
            const proto::Block& slice = made->blocks[i];
            given_(slice.size_bytes());
            if (auto& transfer = still->second.transfer) transfer->moved(slice.size_bytes());
            auto sent = co_await channel->send(proto::slice_type, slice.head, slice.bytes);
            if (!sent) co_return;
        }
    }
}

}  // namespace kp2p
