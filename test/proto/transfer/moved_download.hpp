// A download that a test moves by hand, of what its sources give of a made-up file.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "proto/file/links.hpp"
#include "proto/transfer/download.hpp"
#include "proto/transfer/have_bits.hpp"
#include "test/proto/transfer/sim_providers.hpp"

namespace kp2p::test {

using proto::block_bytes, proto::chunk_bytes, proto::chunk_size_bytes, proto::have_bytes,
    proto::run_check;
using proto::BlockEncoding, proto::ChunkIndex, proto::Data, proto::Download, proto::SourceKey;

constexpr SourceKey uploader = 1;  // has the whole file

// Time stands still unless a test moves it.
struct Moved {
    explicit Moved(std::uint64_t size_bytes) : file(size_bytes, 1), download(file.sha1) {}

    void add(SourceKey key, std::uint64_t node, std::optional<ByteVector> have) {
        download.add_source(now, key, {file.bytes.size(), std::move(have), false, false, node});
        settle();
    }
    void add_getter(SourceKey key, std::uint64_t node) {
        add(key, node, ByteVector(have_bytes(file.links.size())));
    }
    void give_block(SourceKey key, ChunkIndex index, std::uint64_t offset, bool wrong = false) {
        const std::uint64_t at = index * chunk_bytes + offset;
        const std::uint64_t size = std::min<std::uint64_t>(block_bytes, file.bytes.size() - at);
        ByteVector payload(file.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                           file.bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
        if (wrong) payload[0] ^= 1;
        const Data data{1, index, offset, BlockEncoding::plain, file.links[index], payload};
        download.receive(now, key, data, std::move(payload));
        settle();
    }
    void give(SourceKey key, ChunkIndex index, bool wrong = false) {
        asked[key].erase(index);
        const std::uint64_t size = chunk_size_bytes(file.bytes.size(), index);
        for (std::uint64_t offset = 0; offset < size; offset += block_bytes)
            give_block(key, index, offset, wrong && offset == 0);
    }
    void give_all_asked(SourceKey key) {
        const std::set<ChunkIndex> all = asked[key];
        std::for_each(all.rbegin(), all.rend(), [&](ChunkIndex index) { give(key, index); });
    }
    void settle() {
        for (auto events = download.take_events(); !events.empty(); events = download.take_events())
            for (const Download::Event& event : events) take(event);
    }
    void take(const Download::Event& event) {
        if (const auto* e = std::get_if<Download::AskChunk>(&event)) {
            asked[e->source].insert(e->index);
            ever_asked.insert(e->index);
        }
        if (const auto* e = std::get_if<Download::CallOff>(&event)) {
            asked[e->source].erase(e->index);
            download.canceled(now, e->source, e->index);
        }
        if (const auto* e = std::get_if<Download::CheckChunk>(&event))
            download.checked(now, e->job, run_check(*e->check));
        if (const auto* e = std::get_if<Download::StoreChunk>(&event)) {
            stored.insert(e->index);
            download.stored(now, e->index);
        }
        if (const auto* e = std::get_if<Download::HoldChunk>(&event)) {
            CHECK(e->link == file.links[e->index]);
            held.insert(e->index);
        }
        if (const auto* e = std::get_if<Download::LetGoChunk>(&event)) let_go.insert(e->index);
        if (const auto* e = std::get_if<Download::DropSource>(&event)) dropped.insert(e->source);
    }

    SimFile file;
    Download download;
    Download::Time now = Download::Time() + std::chrono::hours(1);
    std::map<SourceKey, std::set<ChunkIndex>> asked;
    std::set<ChunkIndex> ever_asked, stored, held, let_go;
    std::set<SourceKey> dropped;
};

}  // namespace kp2p::test
