#include "test/proto/transfer/download_sim.hpp"

#include <algorithm>

namespace kp2p::test {

using namespace proto;

DownloadSim::DownloadSim(const SimFile& file, std::vector<SimProvider> rows, std::uint32_t seed)
    : download(file.sha1), providers(file, std::move(rows), seed), file_(file) {
    providers.receive = [this](SourceKey key, const Data& data, ByteVector payload) {
        download.receive(providers.now(), key, data, std::move(payload));
    };
    providers.canceled = [this](SourceKey key, ChunkIndex index) {
        download.canceled(providers.now(), key, index);
    };
    for (SourceKey key = 1; key <= providers.count(); ++key) {
        providers.at(providers.row(key).joins_s, [this, key] { join(key); });
        providers.at(providers.row(key).leaves_s, [this, key] {
            providers.leave(key);
            download.remove_source(providers.now(), key);
        });
    }
}

void DownloadSim::resume(const std::set<std::uint64_t>& chunks) {
    std::vector<StoredChunk> list;
    for (std::uint64_t index : chunks) {
        const bool last = index + 1 == file_.links.size();
        list.push_back({index, file_.links[index], last ? Sha1Link() : file_.links[index + 1]});
        const ByteView bytes = file_.chunk(index);
        kept[index].assign(bytes.begin(), bytes.end());
    }
    download.resume(file_.bytes.size(), list);
}

void DownloadSim::join(SourceKey key) {
    ++joined_;
    const Offer offer = providers.offer(key);
    if (offer.last_follows) providers.ask(key, chunk_count(offer.size_bytes) - 1);
    download.add_source(providers.now(), key, offer);
}

void DownloadSim::run() {
    const Time end = providers.now() + std::chrono::hours(1);
    drain();
    while (!download.complete() && providers.now() < end) {
        const auto deadline = download.deadline();
        if (providers.idle() && !deadline) return;
        if (!providers.step(deadline)) download.expire(providers.now());
        drain();
        if (download.idle() && joined_ == providers.count()) return;
    }
}

void DownloadSim::drain() {
    for (const Download::Event& event : download.take_events()) {
        if (const auto* ask = std::get_if<Download::AskChunk>(&event)) {
            providers.ask(ask->source, ask->index);
        } else if (const auto* off = std::get_if<Download::CallOff>(&event)) {
            providers.call_off(off->source, off->index);
        } else if (const auto* check = std::get_if<Download::CheckChunk>(&event)) {
            providers.at(providers.random(0, 0.02), [this, check = *check] {
                download.checked(providers.now(), check.job, run_check(*check.check));
            });
        } else if (const auto* store = std::get_if<Download::StoreChunk>(&event)) {
            const Payload whole = in_one_piece(store->chunk->blocks);
            const ByteView bytes = whole;
            kept[store->index].assign(bytes.begin(), bytes.end());
            providers.at(providers.random(0, keeping_s),
                         [this, index = store->index] { download.stored(providers.now(), index); });
        } else if (const auto* drop = std::get_if<Download::DropSource>(&event)) {
            dropped[drop->source] = drop->fault;
            providers.leave(drop->source);
        } else if (const auto* stall = std::get_if<Download::SourceStalled>(&event)) {
            stalled.insert(stall->source);
            providers.leave(stall->source);
            const bool back = providers.row(stall->source).back_s < 1e9;
            if (!back) continue;
            --joined_;
            const auto again = static_cast<SourceKey>(stall->source + providers.count());
            providers.at(1, [this, again] { join(again); });
        }
    }
}

bool DownloadSim::right() const {
    return std::all_of(kept.begin(), kept.end(), [&](const auto& entry) {
        return std::ranges::equal(entry.second, file_.chunk(entry.first));
    });
}

}  // namespace kp2p::test
