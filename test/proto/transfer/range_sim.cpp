#include "test/proto/transfer/range_sim.hpp"

#include <algorithm>

namespace kp2p::test {

using namespace proto;

Manifest manifest_of(const SimFile& file, std::uint64_t part_bytes) {
    const ByteView all = file.bytes;
    Manifest manifest{all.size(), file.sha1, {}};
    for (std::uint64_t at = 0; at < all.size(); at += part_bytes) {
        const std::uint64_t size = std::min<std::uint64_t>(part_bytes, all.size() - at);
        manifest.chunks.push_back({at, at + size, sha1_of(all.subspan(at, size))});
    }
    return manifest;
}

RangeSim::RangeSim(const SimFile& file, std::uint64_t part_bytes, FileRange range,
                   std::vector<SimProvider> rows, std::uint32_t seed)
    : download(manifest_of(file, part_bytes), range),
      providers(file, std::move(rows), seed),
      file_(file),
      start_(range.start_bytes) {
    providers.receive = [this](SourceKey key, const Data& data, ByteVector payload) {
        download.receive(providers.now(), key, data, std::move(payload));
    };
    providers.canceled = [this](SourceKey key, ChunkIndex index) {
        download.canceled(providers.now(), key, index);
    };
    for (SourceKey key = 1; key <= providers.count(); ++key) {
        providers.at(providers.row(key).joins_s, [this, key] {
            download.add_source(providers.now(), key, node(key), providers.offer(key));
        });
        if (providers.row(key).leaves_s < 1e9)
            providers.at(providers.row(key).leaves_s, [this, key] {
                providers.leave(key);
                download.remove_source(providers.now(), key);
            });
    }
}

NodeId RangeSim::node(SourceKey key) const {
    const auto same = same_node.find(key);
    NodeId id;
    id.mutable_view()[0] = static_cast<std::uint8_t>(same == same_node.end() ? key : same->second);
    return id;
}

void RangeSim::retire_at(double seconds, SourceKey key) {
    providers.at(seconds, [this, key] { download.retire(key); });
}

void RangeSim::run() {
    const Time end = providers.now() + std::chrono::hours(1);
    drain();
    while (!download.complete() && providers.now() < end) {
        const auto deadline = download.deadline();
        if (providers.idle() && !deadline) return;
        if (!providers.step(deadline)) download.expire(providers.now());
        drain();
    }
}

void RangeSim::drain() {
    carry_out();
    while (const auto bytes = download.next_bytes()) {
        if (read.size() >= reads_bytes) return;
        read.insert(read.end(), bytes->begin(), bytes->end());
        download.taken(providers.now());
        carry_out();
    }
}

void RangeSim::carry_out() {
    for (const RangeDownload::Event& event : download.take_events()) {
        if (const auto* ask = std::get_if<RangeDownload::AskChunk>(&event)) {
            asked_of.emplace(ask->index, ask->source);
            providers.ask(ask->source, ask->index);
        } else if (const auto* off = std::get_if<RangeDownload::CallOff>(&event)) {
            ++called_off;
            providers.call_off(off->source, off->index);
        } else if (const auto* check = std::get_if<RangeDownload::CheckPart>(&event)) {
            providers.at(providers.random(0, 0.02), [this, check = *check] {
                while (check.check->step()) {
                }
                download.checked(providers.now(), check.job);
            });
        } else if (const auto* drop = std::get_if<RangeDownload::DropNode>(&event)) {
            dropped[drop->node.view()[0]] = drop->fault;
            for (SourceKey key = 1; key <= providers.count(); ++key)
                if (node(key) == drop->node) providers.leave(key);
        } else if (const auto* stall = std::get_if<RangeDownload::SourceStalled>(&event)) {
            stalled.insert(stall->source);
            providers.leave(stall->source);
        }
    }
}

bool RangeSim::right() const {
    const ByteView all = file_.bytes;
    return read.empty() || std::ranges::equal(read, all.subspan(start_, read.size()));
}

}  // namespace kp2p::test
