#include "proto/transfer/range_download.hpp"

#include <algorithm>
#include <utility>

#include "proto/file/links.hpp"
#include "proto/transfer/have_bits.hpp"

namespace kp2p::proto {

RangeDownload::RangeDownload(Manifest manifest, FileRange range)
    : manifest_(std::move(manifest)), range_(range) {
    range_.end_bytes = std::min(range_.end_bytes, manifest_.size_bytes);
    if (range_.start_bytes >= range_.end_bytes) return;
    for (const ManifestChunk& chunk : manifest_.chunks) {
        if (chunk.end_bytes <= range_.start_bytes) ++front_;
        if (chunk.start_bytes < range_.end_bytes) ++behind_;
    }
}

ChunkIndex RangeDownload::first_chunk(PartIndex index) const {
    return part(index).start_bytes / chunk_bytes;
}

ChunkIndex RangeDownload::last_chunk(PartIndex index) const {
    return (part(index).end_bytes - 1) / chunk_bytes;
}

// ---- sources ----

void RangeDownload::add_source(Time now, SourceKey key, const NodeId& node, Offer offer) {
    if (liars_.contains(node)) return;
    if (offer.size_bytes != manifest_.size_bytes) return drop(node, Fault::wrong_size, {});
    if (offer.have && offer.have->size() != have_bytes(chunk_count(offer.size_bytes)))
        return drop(node, Fault::bad_message, {});
    if (sources_.try_emplace(key, From{node, Source(now, std::move(offer))}).second) go_on(now);
}

void RangeDownload::remove_source(Time now, SourceKey key) {
    if (!sources_.contains(key)) return;
    release(key);
    go_on(now);
}

void RangeDownload::release(SourceKey key) {
    const NodeId node = sources_.at(key).node;
    sources_.erase(key);
    const auto same = [&](const auto& entry) { return entry.second.node == node; };
    if (std::ranges::none_of(sources_, same)) forget_orders(node);
}

void RangeDownload::forget_orders(const NodeId& node) {
    std::erase_if(orders_, [&](const Order& order) { return order.node == node; });
}

void RangeDownload::retire(SourceKey key) {
    if (const auto found = sources_.find(key); found != sources_.end())
        found->second.source.retire();
}

bool RangeDownload::owes(SourceKey key) const {
    const auto found = sources_.find(key);
    return found != sources_.end() && !found->second.source.receiving().empty();
}

void RangeDownload::heard(SourceKey key, Time at) {
    if (const auto found = sources_.find(key); found != sources_.end())
        found->second.source.heard(at);
}

void RangeDownload::have(Time now, SourceKey key, ChunkIndex index) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    if (index >= chunk_count(manifest_.size_bytes)) return misbehaved(now, found->second.node);
    found->second.source.learn(now, index);
    go_on(now);
}

void RangeDownload::receive(Time now, SourceKey key, const Data& data, Payload payload) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    const NodeId node = found->second.node;
    auto whole = found->second.source.receive(now, data, std::move(payload));
    if (!whole) return misbehaved(now, node);
    if (!*whole) return;
    arrived(node, std::move(**whole));
    go_on(now);
}

void RangeDownload::canceled(Time now, SourceKey key, ChunkIndex index) {
    const auto found = sources_.find(key);
    if (found == sources_.end()) return;
    if (!found->second.source.canceled(now, index)) return misbehaved(now, found->second.node);
    go_on(now);
}

void RangeDownload::misbehaved(Time now, const NodeId& node) {
    drop(node, Fault::bad_message, {});
    go_on(now);
}

void RangeDownload::drop(const NodeId& node, Fault fault, const ManifestChunk& part) {
    const NodeId liar = node;  // it may lie in what is erased
    if (!liars_.insert(liar).second) return;
    events_.push_back(DropNode{liar, fault, part});
    std::erase_if(sources_, [&](const auto& entry) { return entry.second.node == liar; });
    forget_orders(liar);
}

void RangeDownload::expire(Time now) {
    std::vector<SourceKey> stalled;
    for (const auto& [key, from] : sources_)
        if (!from.source.receiving().empty() && now - from.source.active() >= Source::stall_span)
            stalled.push_back(key);
    for (SourceKey key : stalled) {
        events_.push_back(SourceStalled{key});
        release(key);
    }
    go_on(now);
}

std::optional<RangeDownload::Time> RangeDownload::deadline() const {
    std::optional<Time> first = late_at_;
    for (const auto& [key, from] : sources_)
        if (!from.source.receiving().empty())
            first =
                std::min(first.value_or(Time::max()), from.source.active() + Source::stall_span);
    return first;
}

std::vector<RangeDownload::Event> RangeDownload::take_events() {
    return std::exchange(events_, {});
}

// ---- what is asked of whom ----

void RangeDownload::go_on(Time now) {
    may_ask_.begin();
    for (auto& [key, from] : sources_) {
        const std::size_t refused = may_ask_.refused();
        while (!from.source.retired() && from.source.receiving().size() < max_asked) {
            if (ask_ordered(now, key, from)) continue;
            if (may_ask_.refused() > refused || !order_part(now, from)) break;
        }
    }
    late_at_.reset();
    for (const Order& order : orders_)
        if (order.part == front_ && order.began + late_span > now)
            late_at_ = order.began + late_span;
}

bool RangeDownload::lacks(const Order& order, ChunkIndex index) const {
    return index >= first_chunk(order.part) && index <= last_chunk(order.part) &&
           !order.chunks.contains(index);
}

bool RangeDownload::has_part(const Source& source, PartIndex index) const {
    for (ChunkIndex i = first_chunk(index); i <= last_chunk(index); ++i)
        if (!source.has(i)) return false;
    return true;
}

bool RangeDownload::asked(const NodeId& node, ChunkIndex index) const {
    return std::ranges::any_of(sources_, [&](const auto& entry) {
        return entry.second.node == node && entry.second.source.receiving().contains(index);
    });
}

// One chunk more of the parts that were ordered of its node.
bool RangeDownload::ask_ordered(Time now, SourceKey key, From& from) {
    for (Order& order : orders_) {
        if (order.node != from.node) continue;
        for (ChunkIndex i = first_chunk(order.part); i <= last_chunk(order.part); ++i) {
            if (!lacks(order, i) || asked(from.node, i)) continue;
            if (!may_ask_(key, chunk_size_bytes(manifest_.size_bytes, i))) {
                order.began = now;  // it is not the node that is late
                return false;
            }
            from.source.ask(now, i);
            events_.push_back(AskChunk{key, i});
            return true;
        }
    }
    return false;
}

// One part more.
bool RangeDownload::order_part(Time now, const From& from) {
    for (PartIndex i = front_; i < behind_ && i < front_ + window_parts; ++i) {
        if (i > front_ + 1 && part(i).end_bytes - part(front_).start_bytes > window_bytes) break;
        if (!has_part(from.source, i) || !may_order(now, i, from.node)) continue;
        orders_.push_back({i, from.node, now, {}});
        return true;
    }
    return false;
}

bool RangeDownload::may_order(Time now, PartIndex index, const NodeId& node) const {
    if (right_.contains(index)) return false;
    const auto checks = [&](const auto& entry) { return entry.second.part == index; };
    if (std::ranges::any_of(jobs_, checks)) return false;
    const auto gives = [&](const Order& order) { return order.part == index; };
    const auto found = std::ranges::find_if(orders_, gives);
    if (found == orders_.end()) return true;
    const bool late = found->node != node && now - found->began >= late_span;
    return index == front_ && late && std::ranges::count_if(orders_, gives) == 1;
}

// Those that are under way for parts which have come from elsewhere.
void RangeDownload::call_off_unneeded() {
    for (auto& [key, from] : sources_) {
        for (const auto& [index, receiving] : from.source.receiving()) {
            const auto wants = [&, at = index, node = from.node](const Order& order) {
                return order.node == node && lacks(order, at);
            };
            if (receiving.canceling || std::ranges::any_of(orders_, wants)) continue;
            from.source.call_off(index);
            events_.push_back(CallOff{key, index});
        }
    }
}

// ---- what came ----

void RangeDownload::arrived(const NodeId& node, ChunkCheck chunk) {
    const auto shared = std::make_shared<const ChunkCheck>(std::move(chunk));
    for (auto order = orders_.begin(); order != orders_.end();) {
        const auto at = order++;
        if (at->node != node || !lacks(*at, shared->index)) continue;
        at->chunks.emplace(shared->index, shared);
        if (at->chunks.size() <= last_chunk(at->part) - first_chunk(at->part)) continue;
        start_check(*at);
        orders_.erase(at);
    }
}

void RangeDownload::start_check(Order& order) {
    std::vector<PartCheck::Chunk> chunks;
    for (auto& [index, chunk] : order.chunks) chunks.push_back(std::move(chunk));
    auto check = std::make_shared<PartCheck>(part(order.part), range_, std::move(chunks));
    jobs_.emplace(next_job_, Job{order.part, order.node, check});
    events_.push_back(CheckPart{next_job_++, std::move(check)});
}

void RangeDownload::checked(Time now, std::uint64_t job_number) {
    const auto found = jobs_.find(job_number);
    if (found == jobs_.end()) return;
    const Job job = std::move(found->second);
    jobs_.erase(found);
    if (!job.check->right()) {
        drop(job.node, job.check->collided() ? Fault::collision : Fault::wrong_chunk,
             part(job.part));
    } else if (job.part >= front_ && !right_.contains(job.part)) {
        right_.emplace(job.part, job.check->take_bytes());
        std::erase_if(orders_, [&](const Order& order) { return order.part == job.part; });
        call_off_unneeded();
    }
    go_on(now);
}

bool RangeDownload::front_expected() const {
    const auto gives = [&](const Order& order) { return order.part == front_; };
    const auto checks = [&](const auto& entry) { return entry.second.part == front_; };
    const auto has = [&](const auto& entry) { return has_part(entry.second.source, front_); };
    return std::ranges::any_of(orders_, gives) || std::ranges::any_of(jobs_, checks) ||
           std::ranges::any_of(sources_, has);
}

// ---- the reader ----

std::optional<ByteView> RangeDownload::next_bytes() const {
    const auto found = right_.find(front_);
    if (found == right_.end()) return std::nullopt;
    return found->second[taken_pieces_];
}

void RangeDownload::taken(Time now) {
    const auto found = right_.find(front_);
    if (found == right_.end()) return;
    ByteVector& bytes = found->second[taken_pieces_++];
    range_.start_bytes += bytes.size();
    bytes = ByteVector();
    if (taken_pieces_ < found->second.size()) return;
    right_.erase(found);
    taken_pieces_ = 0;
    ++front_;
    go_on(now);
}

}  // namespace kp2p::proto
