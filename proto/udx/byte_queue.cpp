#include "proto/udx/byte_queue.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace kp2p::proto::udx {

void ByteQueue::append(ByteView bytes) {
    while (!bytes.empty()) {
        const std::size_t used = static_cast<std::size_t>(end_ - base_);
        if (used == chunks_.size() * chunk_bytes) {
            if (spares_.empty()) {
                chunks_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(chunk_bytes));
            } else {
                chunks_.push_back(std::move(spares_.back()));
                spares_.pop_back();
            }
            used_lately_ = std::max(used_lately_, chunks_.size());
        }
        const std::size_t at = used % chunk_bytes;
        const std::size_t size = std::min(bytes.size(), chunk_bytes - at);
        std::memcpy(chunks_.back().get() + at, bytes.data(), size);
        bytes = bytes.subspan(size);
        end_ += size;
    }
}

void ByteQueue::pieces(std::uint64_t offset, std::size_t size, std::vector<ByteView>& out) const {
    assert(offset >= begin_ && offset + size <= end_);
    while (size > 0) {
        const std::size_t from_base = static_cast<std::size_t>(offset - base_);
        const std::size_t at = from_base % chunk_bytes;
        const std::size_t count = std::min(size, chunk_bytes - at);
        out.emplace_back(chunks_[from_base / chunk_bytes].get() + at, count);
        offset += count;
        size -= count;
    }
}

ByteView ByteQueue::front() const {
    if (empty()) return {};
    const std::size_t at = static_cast<std::size_t>(begin_ - base_);
    return {chunks_.front().get() + at, std::min(chunk_bytes - at, size())};
}

std::size_t ByteQueue::read(std::span<std::uint8_t> out) {
    std::size_t copied = 0;
    while (copied < out.size() && !empty()) {
        const ByteView next = front();
        const std::size_t size = std::min(next.size(), out.size() - copied);
        std::memcpy(out.data() + copied, next.data(), size);
        copied += size;
        drop_until(begin_ + size);
    }
    return copied;
}

void ByteQueue::drop_until(std::uint64_t offset) {
    assert(offset >= begin_ && offset <= end_);
    begin_ = offset;
    while (!chunks_.empty() && (begin_ - base_ >= chunk_bytes || empty())) {
        spares_.push_back(std::move(chunks_.front()));
        chunks_.pop_front();
        base_ += chunk_bytes;
    }
    if (!empty()) return;
    base_ = begin_;
    if (spares_.size() > used_lately_) spares_.resize(used_lately_);
    used_lately_ /= 2;
}

}  // namespace kp2p::proto::udx
