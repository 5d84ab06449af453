#include "proto/transfer/chain.hpp"

#include <algorithm>
#include <cassert>

#include "proto/file/links.hpp"

namespace kp2p::proto {

void Chain::know_size(std::uint64_t size_bytes) {
    assert(!size_bytes_);
    size_bytes_ = size_bytes;
    frontier_ = chunk_count(size_bytes);
}

bool Chain::prove_last(std::uint64_t size_bytes, const Sha1Link& link, const Sha1& whole) {
    const ChunkIndex last = chunk_count(size_bytes) - 1;
    if (whole != file_ || (last == 0 && link != first_link())) return false;
    if (size_bytes_ && *size_bytes_ != size_bytes) return false;
    if (size_bytes_ && frontier_ <= last) return true;  // a second proof of the same
    size_bytes_ = size_bytes;
    frontier_ = last;
    trusted_ = link;
    return true;
}

void Chain::add(ChunkIndex index, SourceKey source, const Sha1Link& link, const Sha1Link& next) {
    if (!holds(index)) ahead_.emplace(index, Hashed{source, link, next});
}

std::optional<Chain::Judged> Chain::judge() {
    if (!size_bytes_ || frontier_ == 0 || frontier_ == chunk_count(*size_bytes_)) return {};
    const auto found = ahead_.find(frontier_ - 1);
    if (found == ahead_.end()) return {};
    const Hashed hashed = found->second;
    Judged judged{found->first, hashed.source, hashed.next == trusted_, hashed.link};
    if (judged.index == 0 && hashed.link != first_link()) judged.right = false;
    ahead_.erase(found);
    if (judged.right) {
        frontier_ = judged.index;
        trusted_ = hashed.link;
    }
    return judged;
}

void Chain::forget(SourceKey source) {
    std::erase_if(ahead_, [&](const auto& entry) { return entry.second.source == source; });
}

std::uint64_t Chain::frontier_bytes() const {
    return std::min(*size_bytes_, frontier_ * chunk_bytes);
}

}  // namespace kp2p::proto
