// A piece download whose providers do whatever the bytes say, right slices among it: only right
// bytes come out, in order, and what it asks for stays bounded.
#include "proto/file/links.hpp"
#include "proto/transfer/piece_download.hpp"

using namespace kp2p;
using namespace kp2p::proto;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const ByteVector file(2 * chunk_bytes + 100, 7);
    static const std::vector<ManifestChunk> pieces = [] {
        std::vector<ManifestChunk> all;
        for (std::uint64_t start : {std::uint64_t{0}, 2 * chunk_bytes, 5 * piece_bytes}) {
            const std::uint64_t end = std::min<std::uint64_t>(start + piece_bytes, file.size());
            all.push_back({start, end, sha1_of(ByteView(file).subspan(start, end - start))});
        }
        return all;
    }();
    PieceDownload download(file.size(), pieces);
    PieceDownload::Time now{};
    std::size_t asked = 0, given = 0;
    for (std::size_t at = 0; at + 6 <= size; at += 6) {
        const std::uint8_t* d = data + at;
        const SourceKey key = d[1] % 8 + 1u;
        NodeId node;
        node.mutable_view()[0] = d[1] % 4;
        now += std::chrono::milliseconds(d[2] * 20);
        const ManifestChunk& piece = pieces[d[3] % pieces.size()];
        const ByteVector bytes(piece.end_bytes - piece.start_bytes + d[4] / 250, d[4] % 2 ? 7 : 6);
        const Slice slice{1, piece.start_bytes + d[5] / 250, BlockEncoding(d[5] & 1), {}, bytes};
        const Offer offer{file.size() + d[5] / 250, ByteVector{d[4]}, d[5] % 8 != 0};
        if (d[0] % 6 == 0) download.add_source(now, key, node, offer);
        if (d[0] % 6 == 1) download.receive(now, key, slice);
        if (d[0] % 6 == 2) download.remove_source(now, key);
        if (d[0] % 6 == 3) download.have(now, key, d[3]);
        if (d[0] % 6 == 4) download.expire(now);
        if (d[0] % 6 == 5) download.retire(key);
        for (const PieceDownload::Event& event : download.take_events())
            asked += std::holds_alternative<PieceDownload::AskSlice>(event);
        if (asked > size * 4) __builtin_trap();
        while (const auto right = download.next_bytes()) {
            given += right->size();
            for (std::uint8_t byte : *right)
                if (byte != 7) __builtin_trap();
            download.taken(now);
        }
        if (given > 2 * piece_bytes + 100) __builtin_trap();
    }
    return 0;
}
