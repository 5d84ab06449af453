#include "proto/transfer/piece_download.hpp"

#include <algorithm>
#include <utility>

#include "proto/file/links.hpp"
#include "proto/transfer/block.hpp"
#include "proto/transfer/have_bits.hpp"

namespace kp2p::proto {

PieceDownload::PieceDownload(std::uint64_t file_bytes, std::vector<ManifestChunk> pieces)
    : file_bytes_(file_bytes), pieces_(std::move(pieces)) {
    for (PieceIndex i = 0; i < pieces_.size(); ++i) unasked_.insert(unasked_.end(), i);
}

void PieceDownload::add_source(Time now, SourceKey key, const NodeId& node, Offer offer) {
    if (liars_.contains(node)) return;
    if (offer.size_bytes != file_bytes_) return drop(node, Fault::wrong_size, {});
    if (offer.have && offer.have->size() != have_bytes(chunk_count(offer.size_bytes)))
        return drop(node, Fault::bad_message, {});
    if (!offer.slices) return;
    if (sources_.try_emplace(key, From{node, Source(now, std::move(offer)), now}).second)
        go_on(now);
}

void PieceDownload::remove_source(Time now, SourceKey key) {
    if (!sources_.contains(key)) return;
    release(key);
    go_on(now);
}

void PieceDownload::release(SourceKey key) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    for (const auto& [offset, index] : found->second.asked) {
        const auto [first, last] = orders_.equal_range(index);
        const auto own = std::find_if(
            first, last, [&](const auto& entry) { return entry.second.source == key; });
        if (own != last) orders_.erase(own);
        if (!orders_.contains(index) && !right_.contains(index) && index >= front_)
            unasked_.insert(index);
    }
    sources_.erase(found);
}

void PieceDownload::retire(SourceKey key) {
    if (const auto found = sources_.find(key); found != sources_.end())
        found->second.source.retire();
}

bool PieceDownload::owes(SourceKey key) const {
    const auto found = sources_.find(key);
    return found != sources_.end() && !found->second.asked.empty();
}

void PieceDownload::heard(SourceKey key, Time at) {
    if (const auto found = sources_.find(key); found != sources_.end())
        found->second.source.heard(at);
}

void PieceDownload::have(Time now, SourceKey key, ChunkIndex index) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    if (index >= chunk_count(file_bytes_)) return misbehaved(now, found->second.node);
    found->second.source.learn(now, index);
    go_on(now);
}

void PieceDownload::receive(Time now, SourceKey key, const Slice& slice) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    From& from = found->second;
    const auto asked = from.asked.find(slice.offset);
    if (asked == from.asked.end()) return misbehaved(now, from.node);
    const PieceIndex index = asked->second;
    const ManifestChunk& piece = pieces_[index];
    from.active = now;
    ByteVector plain(static_cast<std::size_t>(piece.end_bytes - piece.start_bytes));
    const auto unpacked = unpack_block(slice.encoding, slice.bytes, plain);
    const auto sha1 = sha1_to_name(plain);
    if (unpacked && !sha1) {
        drop(from.node, Fault::collision, piece);
    } else if (!unpacked || *sha1 != piece.sha1) {
        drop(from.node, Fault::wrong_chunk, piece);
    } else {
        from.asked.erase(asked);
        right(index, std::move(plain));
    }
    go_on(now);
}

void PieceDownload::right(PieceIndex index, ByteVector bytes) {
    // Who else was asked for it may still send it, and is owed nothing then.
    orders_.erase(index);
    if (index >= front_) right_.try_emplace(index, std::move(bytes));
}

void PieceDownload::misbehaved(Time now, const NodeId& node) {
    drop(node, Fault::bad_message, {});
    go_on(now);
}

void PieceDownload::drop(const NodeId& node, Fault fault, const ManifestChunk& part) {
    const NodeId liar = node;  // it may lie in what is erased
    if (!liars_.insert(liar).second) return;
    events_.push_back(DropNode{liar, fault, part});
    std::vector<SourceKey> keys;
    for (const auto& [key, from] : sources_)
        if (from.node == liar) keys.push_back(key);
    for (SourceKey key : keys) release(key);
}

void PieceDownload::expire(Time now) {
    std::vector<SourceKey> stalled;
    for (const auto& [key, from] : sources_)
        if (!from.asked.empty() && now - active(from) >= Source::stall_span) stalled.push_back(key);
    for (SourceKey key : stalled) {
        events_.push_back(SourceStalled{key});
        release(key);
    }
    go_on(now);
}

std::optional<PieceDownload::Time> PieceDownload::deadline() const {
    std::optional<Time> first;
    for (const auto& [key, from] : sources_)
        if (!from.asked.empty())
            first = std::min(first.value_or(Time::max()), active(from) + Source::stall_span);
    if (orders_.count(front_) == 1 && sources_.size() > 1)
        first =
            std::min(first.value_or(Time::max()), orders_.find(front_)->second.began + late_span);
    return first;
}

std::vector<PieceDownload::Event> PieceDownload::take_events() {
    return std::exchange(events_, {});
}

// ---- what is asked of whom ----

bool PieceDownload::gives(const From& from, PieceIndex index) const {
    return !from.source.retired() && from.source.has(pieces_[index].start_bytes / chunk_bytes);
}

void PieceDownload::go_on(Time now) {
    may_ask_.begin();
    for (auto each = unasked_.begin(); each != unasked_.end();) {
        const bool asked = ask(now, *each);
        if (!asked && held_back()) break;
        each = asked ? unasked_.erase(each) : std::next(each);
    }
    if (is_late(now)) (void)ask(now, front_);
}

bool PieceDownload::is_late(Time now) const {
    return orders_.count(front_) == 1 && now - orders_.find(front_)->second.began >= late_span;
}

// Of the one that has the least to do and may be asked.
bool PieceDownload::ask(Time now, PieceIndex index) {
    const ManifestChunk& piece = pieces_[index];
    std::set<SourceKey> refused;
    std::optional<SourceKey> key = least_busy(index, refused);
    while (key && !may_ask_(*key, piece.end_bytes - piece.start_bytes)) {
        refused.insert(*key);
        key = least_busy(index, refused);
    }
    if (!key) return false;
    From& from = sources_.at(*key);
    if (from.asked.empty()) from.active = now;
    from.asked.emplace(piece.start_bytes, index);
    orders_.emplace(index, Order{*key, now});
    events_.push_back(AskSlice{*key, piece.start_bytes, piece.end_bytes - piece.start_bytes});
    return true;
}

// That is not at it already.
std::optional<SourceKey> PieceDownload::least_busy(PieceIndex index,
                                                   const std::set<SourceKey>& but) const {
    const auto [first, last] = orders_.equal_range(index);
    const From* best = nullptr;
    std::optional<SourceKey> best_key;
    for (auto& [key, from] : sources_) {
        const auto at_it = [&, &node = from.node](const auto& entry) {
            return sources_.at(entry.second.source).node == node;
        };
        if (from.asked.size() >= max_asked || !gives(from, index) || but.contains(key)) continue;
        if (from.asked.contains(pieces_[index].start_bytes) || std::any_of(first, last, at_it))
            continue;
        if (best && best->asked.size() <= from.asked.size()) continue;
        best = &from;
        best_key = key;
    }
    return best_key;
}

bool PieceDownload::front_expected() const {
    if (orders_.contains(front_)) return true;
    return !complete() && std::ranges::any_of(sources_, [&](const auto& entry) {
        return gives(entry.second, front_);
    });
}

// ---- the reader ----

std::optional<ByteView> PieceDownload::next_bytes() const {
    const auto found = right_.find(front_);
    if (found == right_.end()) return std::nullopt;
    return found->second;
}

void PieceDownload::taken(Time now) {
    if (right_.erase(front_) == 0) return;
    ++front_;
    go_on(now);
}

std::uint64_t PieceDownload::position() const {
    return complete() ? file_bytes_ : pieces_[front_].start_bytes;
}

}  // namespace kp2p::proto
