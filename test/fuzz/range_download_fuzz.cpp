// A range download whose providers do whatever the bytes say, right blocks among it: only right
// bytes come out, in order, and what it asks for and holds stays bounded.
#include "proto/file/links.hpp"
#include "proto/transfer/range_download.hpp"

using namespace kp2p;
using namespace kp2p::proto;

namespace {

constexpr std::uint64_t file_bytes = chunk_bytes + 3 * block_bytes / 2;  // two blocks in the last

Manifest manifest_of(ByteView file, std::uint64_t part_bytes) {
    Manifest manifest{file.size(), sha1_of(file), {}};
    for (std::uint64_t at = 0; at < file.size(); at += part_bytes) {
        const std::uint64_t end = std::min<std::uint64_t>(at + part_bytes, file.size());
        manifest.chunks.push_back({at, end, sha1_of(file.subspan(at, end - at))});
    }
    return manifest;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const ByteVector file(file_bytes, 7);
    static const Manifest coarse = manifest_of(file, 400'000), fine = manifest_of(file, 10'000);
    if (size == 0) return 0;
    RangeDownload download(data[0] & 1 ? fine : coarse,
                           {data[0] & 2 ? 0 : chunk_bytes + data[0], file_bytes - data[0]});
    RangeDownload::Time now{};
    std::size_t asked = 0;
    for (std::size_t at = 1; at + 8 <= size; at += 8) {
        const std::uint8_t* d = data + at;
        const SourceKey key = d[1] % 8 + 1u;
        NodeId node;
        node.mutable_view()[0] = d[1] % 4;
        now += std::chrono::milliseconds(d[2] * 20);
        ByteVector payload(std::min<std::size_t>(std::size_t{d[3]} << 9, block_bytes), d[4]);
        const std::uint64_t offset = std::uint64_t{d[6]} << 16;
        Data block{1, d[5], offset, static_cast<BlockEncoding>(d[7] & 1), {}, payload};
        const std::optional<ByteVector> have{ByteVector{d[6]}};
        if (d[0] % 8 == 0) download.add_source(now, key, node, {file_bytes + d[5] / 255, {}});
        if (d[0] % 8 == 1) download.add_source(now, key, node, {file_bytes, have});
        if (d[0] % 8 == 2) download.receive(now, key, block, std::move(payload));
        if (d[0] % 8 == 3) download.canceled(now, key, d[3]);
        if (d[0] % 8 == 4) download.remove_source(now, key);
        if (d[0] % 8 == 5) download.have(now, key, d[3]);
        if (d[0] % 8 == 6) download.expire(now);
        if (d[0] % 8 == 7) download.retire(key);
        for (const RangeDownload::Event& event : download.take_events()) {
            if (const auto* check = std::get_if<RangeDownload::CheckPart>(&event)) {
                while (check->check->step()) {
                }
                download.checked(now, check->job);
            }
            if (std::get_if<RangeDownload::AskChunk>(&event)) ++asked;
        }
        if (asked > size * 64) __builtin_trap();
        if (d[2] % 2) continue;
        while (const auto bytes = download.next_bytes()) {
            if (bytes->empty() || download.position() + bytes->size() > file_bytes)
                __builtin_trap();
            for (std::uint8_t byte : *bytes)
                if (byte != 7) __builtin_trap();
            download.taken(now);
        }
    }
    return 0;
}
