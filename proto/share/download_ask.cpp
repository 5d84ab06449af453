// The half of Download that decides which chunk is asked of whom.
#include <algorithm>

#include "proto/file/links.hpp"
#include "proto/share/download.hpp"

namespace kp2p::proto {
namespace {

constexpr auto claim_patience = std::chrono::seconds(1);  // then another claimant is asked
constexpr auto tick_span = std::chrono::milliseconds(200);
constexpr auto late_margin = std::chrono::milliseconds(200);
constexpr double late_factor = 2;

}  // namespace

std::size_t Download::window() const {
    const std::size_t grown = first_window + std::min<std::uint64_t>(proven_chunks_, max_window);
    const std::size_t all = std::min(grown, max_window);
    return all - std::min(all, unkept_);
}

std::size_t Download::depth_of(const Source& source) const {
    const std::size_t fair = std::max(Source::min_depth, max_window / 2 / sources_.size());
    return std::min(source.depth(), fair);
}

bool Download::can_ask(const Source& source, ChunkIndex index) const {
    return source.has(index) && !source.receiving().contains(index);
}

void Download::go_on(Time now) {
    if (!chain_.size_bytes()) {
        for (auto& [size, claim] : claims_) ask_for_size(now, size, claim);
    } else {
        // One chunk each in turn, so that the first does not take the whole window.
        for (bool asked = true; asked;) {
            asked = false;
            for (auto& [key, source] : sources_)
                if (source.outstanding() < depth_of(source))
                    asked |= ask_fresh(now, key, source) || ask_late(now, key, source);
        }
    }
    tick_.reset();
    if (sources_.size() > 1 && !chain_.complete()) tick_ = now + tick_span;
}

void Download::ask_for_size(Time now, std::uint64_t size_bytes, Claim& claim) {
    if (claim.checking > 0) return;
    if (claim.asked && now - claim.asked_at < claim_patience) return;
    const ChunkIndex last = chunk_count(size_bytes) - 1;
    const auto suits = [&](const auto& entry) {
        return entry.second.offer().size_bytes == size_bytes && can_ask(entry.second, last);
    };
    // In turn: a claimant that did not answer in time is not asked again before the others.
    auto next = std::find_if(sources_.upper_bound(claim.last_asked), sources_.end(), suits);
    if (next == sources_.end()) next = std::find_if(sources_.begin(), sources_.end(), suits);
    if (next == sources_.end()) return;
    if (claim.asked) call_off(*claim.asked, sources_.at(*claim.asked), last);
    next->second.ask(now, last);
    events_.push_back(AskChunk{next->first, last});
    claim.asked = claim.last_asked = next->first;
    claim.asked_at = now;
}

bool Download::ask_fresh(Time now, SourceKey key, Source& source) {
    const ChunkIndex frontier = chain_.frontier();
    const ChunkIndex lowest = frontier - std::min<ChunkIndex>(frontier, window());
    for (ChunkIndex index = frontier; index-- > lowest;) {
        if (chain_.holds(index) || requested_.contains(index) || !can_ask(source, index)) continue;
        ask(now, key, source, index);
        return true;
    }
    return false;
}

bool Download::ask_late(Time now, SourceKey key, Source& source) {
    for (auto request = requested_.rbegin(); request != requested_.rend(); ++request) {
        const auto [index, other_key] = *request;
        const auto other = sources_.find(other_key);
        if (other_key == key || other == sources_.end() || !can_ask(source, index)) continue;
        if (!other->second.receiving().contains(index)) continue;  // being checked
        const auto there = other->second.expected(now, index);
        if (there < late_factor * source.expected(now, index) + late_margin) continue;
        call_off(other_key, other->second, index);
        ask(now, key, source, index);
        return true;
    }
    return false;
}

void Download::ask(Time now, SourceKey key, Source& source, ChunkIndex index) {
    source.ask(now, index);
    requested_[index] = key;
    events_.push_back(AskChunk{key, index});
}

void Download::call_off(SourceKey key, Source& source, ChunkIndex index) {
    Source::Receiving& receiving = source.receiving().at(index);
    receiving.canceling = true;
    receiving.chunk.pieces.clear();
    events_.push_back(CallOff{key, index});
}

}  // namespace kp2p::proto
