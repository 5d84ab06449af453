#include "proto/transfer/source.hpp"

#include <algorithm>

#include "proto/file/links.hpp"
#include "proto/transfer/have_bits.hpp"

namespace kp2p::proto {
namespace {

using Seconds = std::chrono::duration<double>;
constexpr auto sample_span = std::chrono::milliseconds(20);
constexpr double newest_share = 0.3;  // of the newest sample in the rate

}  // namespace

bool Source::has_proven(ChunkIndex index) const {
    return !offer_.have || has_chunk(*offer_.have, index);
}

void Source::learn(Time now, ChunkIndex index) {
    learned_ = now;
    if (offer_.have) add_chunk(*offer_.have, index);
    unproven_.erase(index);
}

void Source::learn_unproven(Time now, ChunkIndex index) {
    learned_ = now;
    if (trusted_ && !has_proven(index) && unproven_.size() < max_unproven) unproven_.insert(index);
}

void Source::distrust() {
    trusted_ = false;
    unproven_.clear();
}

void Source::ask(Time now, ChunkIndex index) {
    if (receiving_.empty()) {
        active_ = sample_start_ = now;
        sample_bytes_ = 0;
    }
    Receiving& receiving = receiving_[index];
    receiving.chunk.index = index;
    receiving.chunk.file_bytes = offer_.size_bytes;
}

Result<std::optional<ChunkCheck>> Source::receive(Time now, const Data& data, Payload payload) {
    const auto at = receiving_.find(data.index);
    if (at == receiving_.end()) return Errc::bad_state;
    Receiving& receiving = at->second;
    const std::uint64_t size = chunk_size_bytes(offer_.size_bytes, data.index);
    const std::uint64_t left = size - receiving.received_bytes;
    const std::uint64_t plain = std::min<std::uint64_t>(block_bytes, left);
    const bool fits = data.encoding != BlockEncoding::plain || data.bytes.size() == plain;
    if (data.offset != receiving.received_bytes || !fits) return Errc::bad_state;
    receiving.received_bytes += plain;
    received(now, plain);
    if (!receiving.canceling) {
        if (data.offset == 0) receiving.chunk.link = data.link;
        receiving.chunk.blocks.push_back({std::move(payload), data.bytes, data.encoding});
    }
    std::optional<ChunkCheck> whole;
    if (plain < left) return whole;
    if (!receiving.canceling) whole = std::move(receiving.chunk);
    receiving_.erase(at);
    return whole;
}

Result<void> Source::canceled(Time now, ChunkIndex index) {
    const auto at = receiving_.find(index);
    if (at == receiving_.end() || !at->second.canceling) return Errc::bad_state;
    received(now, 0);
    receiving_.erase(at);
    return ok;
}

void Source::call_off(ChunkIndex index) {
    Receiving& receiving = receiving_.at(index);
    receiving.canceling = true;
    receiving.chunk.blocks.clear();
}

// Counts plain bytes.
void Source::received(Time now, std::uint64_t bytes) {
    active_ = now;
    sample_bytes_ += bytes;
    given_bytes_ += bytes;
    const Seconds elapsed = now - sample_start_;
    if (elapsed < sample_span) return;
    const double sample = static_cast<double>(sample_bytes_) / elapsed.count();
    if (bytes_per_second_ == 0) bytes_per_second_ = sample;
    bytes_per_second_ += newest_share * (sample - bytes_per_second_);
    sample_start_ = now;
    sample_bytes_ = 0;
}

std::size_t Source::outstanding() const {
    return static_cast<std::size_t>(std::count_if(
        receiving_.begin(), receiving_.end(), [](const auto& r) { return !r.second.canceling; }));
}

std::size_t Source::depth(double bytes_per_second) {
    const double chunks = bytes_per_second / static_cast<double>(chunk_bytes);
    return std::clamp(min_depth + static_cast<std::size_t>(std::min(chunks, 1e3)), min_depth,
                      max_depth);
}

std::chrono::duration<double> Source::expected(Time now, ChunkIndex index,
                                               double bytes_per_second) const {
    // Chunks come about in the order they were asked for, which is from high to low.
    const bool asked = receiving_.contains(index);
    std::uint64_t ahead_bytes = asked ? 0 : chunk_size_bytes(offer_.size_bytes, index);
    for (const auto& [other, receiving] : receiving_) {
        if (receiving.canceling || (asked && other < index)) continue;
        ahead_bytes += chunk_size_bytes(offer_.size_bytes, other) - receiving.received_bytes;
    }
    const Seconds silent = !receiving_.empty() ? Seconds(now - active_) : Seconds(0);
    return Seconds(static_cast<double>(ahead_bytes) / bytes_per_second) + silent;
}

}  // namespace kp2p::proto
