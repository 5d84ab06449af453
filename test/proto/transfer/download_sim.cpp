#include "test/proto/transfer/download_sim.hpp"

#include <algorithm>

namespace kp2p::test {

using namespace proto;

SimFile::SimFile(std::uint64_t size_bytes, std::uint32_t seed) : bytes(size_bytes) {
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
        const std::uint64_t word = random();
        std::memcpy(bytes.data() + i, &word, 8);
    }
    LinkHasher hasher;
    hasher.update(bytes);
    sha1 = hasher.finish();
    links = hasher.links();
}

ByteView SimFile::chunk(std::uint64_t index) const {
    const ByteView all = bytes;
    return all.subspan(index * chunk_bytes,
                       std::min<std::size_t>(chunk_bytes, all.size() - index * chunk_bytes));
}

DownloadSim::DownloadSim(const SimFile& file, std::vector<SimProvider> providers,
                         std::uint32_t seed)
    : download(file.sha1), file_(file), providers_(std::move(providers)), random_(seed) {
    for (SourceKey key = 1; key <= providers_.size(); ++key) {
        const SimProvider& provider = providers_[key - 1];
        at(provider.joins_s, [this, key] { join(key); });
        at(provider.leaves_s, [this, key] {
            senders_[key].gone = true;
            download.remove_source(now_, key);
        });
    }
}

void DownloadSim::resume(const std::set<std::uint64_t>& chunks) {
    std::vector<Download::KeptChunk> list;
    for (std::uint64_t index : chunks) {
        const bool last = index + 1 == file_.links.size();
        list.push_back({index, file_.links[index], last ? Sha1Link() : file_.links[index + 1]});
        const ByteView bytes = file_.chunk(index);
        kept[index].assign(bytes.begin(), bytes.end());
    }
    download.resume(file_.bytes.size(), list);
}

void DownloadSim::at(double delay_s, std::function<void()> action) {
    const auto delay = std::chrono::duration<double>(delay_s);
    due_.push(
        {now_ + std::chrono::duration_cast<Time::duration>(delay), order_++, std::move(action)});
}

void DownloadSim::join(SourceKey key) {
    ++joined_;
    const SimProvider& provider = this->provider(key);
    Offer offer{file_.bytes.size(), provider.have};
    if (provider.lie == Lie::size) offer.size_bytes += chunk_bytes;
    if (provider.lie == Lie::size_less) offer.size_bytes -= 1;
    if (provider.lie == Lie::no_size) offer.size_bytes = 0;
    if (provider.lie == Lie::bad_have) offer.have = ByteVector(file_.links.size() + 9);
    download.add_source(now_, key, std::move(offer));
}

void DownloadSim::run() {
    const Time end = now_ + std::chrono::hours(1);
    drain();
    while (!download.complete() && now_ < end) {
        const auto deadline = download.deadline();
        if (due_.empty() && !deadline) return;
        if (deadline && (due_.empty() || *deadline < due_.top().time)) {
            now_ = std::max(now_, *deadline);
            download.expire(now_);
        } else {
            const Due next = due_.top();
            due_.pop();
            now_ = next.time;
            next.action();
        }
        drain();
        if (download.idle() && joined_ == providers_.size()) return;
    }
}

void DownloadSim::drain() {
    for (const Download::Event& event : download.take_events()) {
        if (const auto* ask = std::get_if<Download::AskChunk>(&event)) {
            ++asked;
            Sender& sender = senders_[ask->source];
            sender.gets.push_back(ask->index);
            std::size_t outstanding = 0;
            for (const auto& [key, s] : senders_) outstanding += s.gone ? 0 : s.gets.size();
            most_asked = std::max(most_asked, outstanding);
            if (!std::exchange(sender.busy, true))
                at(0.001, [this, key = ask->source] { send_piece(key); });
        } else if (const auto* off = std::get_if<Download::CallOff>(&event)) {
            at(0.001, [this, off = *off] { call_off(off.source, off.index); });
        } else if (const auto* check = std::get_if<Download::CheckChunk>(&event)) {
            const double delay = std::uniform_real_distribution<>(0, 0.02)(random_);
            at(delay, [this, check = *check] {
                download.checked(now_, check.job, run_check(*check.check));
            });
        } else if (const auto* keep = std::get_if<Download::KeepChunk>(&event)) {
            kept[keep->index].assign(keep->chunk->bytes.begin(), keep->chunk->bytes.end());
            at(std::uniform_real_distribution<>(0, keeping_s)(random_),
               [this, index = keep->index] { download.kept(now_, index); });
        } else if (const auto* drop = std::get_if<Download::DropSource>(&event)) {
            dropped[drop->source] = drop->fault;
            senders_[drop->source].gone = true;
        } else if (const auto* stall = std::get_if<Download::SourceStalled>(&event)) {
            stalled.insert(stall->source);
            senders_[stall->source].gone = true;
            const bool back = provider(stall->source).back_s < 1e9;
            if (!back) continue;
            --joined_;
            at(1, [this, key = SourceKey(stall->source + providers_.size())] { join(key); });
        }
    }
}

void DownloadSim::call_off(SourceKey key, std::uint64_t index) {
    Sender& sender = senders_[key];
    const auto found = std::find(sender.gets.begin(), sender.gets.end(), index);
    if (sender.gone || found == sender.gets.end()) return;
    if (provider(key).lie == Lie::silence) return;
    if (found == sender.gets.begin()) sender.offset = 0;
    sender.gets.erase(found);
    sender.stopped.push_back(index);  // said after the piece that is on its way
    if (!sender.busy) say_stopped(key);
}

void DownloadSim::say_stopped(SourceKey key) {
    Sender& sender = senders_[key];
    for (std::uint64_t index : std::exchange(sender.stopped, {}))
        if (!sender.gone) download.canceled(now_, key, index);
}

void DownloadSim::send_piece(SourceKey key) {
    Sender& sender = senders_[key];
    const SimProvider& provider = this->provider(key);
    sender.busy = !sender.gone && !sender.gets.empty();
    if (!sender.busy) return;
    const std::uint64_t index = sender.gets.front();
    const bool here = index == provider.at;
    if (seconds() >= provider.silent_s && seconds() < provider.back_s)
        return at(provider.back_s - seconds(), [this, key] { send_piece(key); });
    if (provider.lie == Lie::silence) return;
    if (provider.lie == Lie::stall && index <= provider.at) return;
    const std::uint64_t size =
        chunk_size_bytes(file_.bytes.size() + (provider.lie == Lie::size ? chunk_bytes : 0) -
                             (provider.lie == Lie::size_less ? 1 : 0),
                         index);
    ByteVector bytes(std::min<std::uint64_t>(piece_bytes, size - sender.offset));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const std::uint64_t from = index * chunk_bytes + sender.offset + i;
        bytes[i] = from < file_.bytes.size() ? file_.bytes[from] : 0;
    }
    Data data{1, index, sender.offset, PieceEncoding::plain, {}, {}};
    if (index < file_.links.size()) data.link = file_.links[index];
    if (provider.lie == Lie::byte && here) bytes.back() ^= 1;
    if (provider.lie == Lie::link && here) data.link.data()[19] ^= 1;
    if (provider.lie == Lie::offset && here) data.offset += piece_bytes;
    if (provider.lie == Lie::short_piece) bytes.pop_back();
    if (provider.lie == Lie::frame) data.encoding = PieceEncoding::zstd;
    if (provider.lie == Lie::unasked) data.index += 1;
    sender.offset += std::min<std::uint64_t>(piece_bytes, size - sender.offset);
    if (sender.offset == size) {
        sender.offset = 0;
        sender.gets.pop_front();
        ++given[key];
    }
    const double jitter = std::uniform_real_distribution<>(0.5, 1.5)(random_);
    at(jitter * static_cast<double>(bytes.size()) / provider.bytes_per_second,
       [this, key, data, bytes] {
           if (senders_[key].gone) return;
           deliver(key, data, bytes);
           say_stopped(key);
           send_piece(key);
       });
}

void DownloadSim::deliver(SourceKey key, Data data, ByteView bytes) {
    ByteVector payload(bytes.begin(), bytes.end());
    data.bytes = payload;
    download.receive(now_, key, data, std::move(payload));
}

bool DownloadSim::right() const {
    return std::all_of(kept.begin(), kept.end(), [&](const auto& entry) {
        return std::ranges::equal(entry.second, file_.chunk(entry.first));
    });
}

}  // namespace kp2p::test
