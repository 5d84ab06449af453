// ByteQueue: bytes of a stream, named by their offset from its start: appended at the back, dropped
// from the front, readable anywhere between. Held in chunks, so nothing moves once appended and
// memory follows the amount of bytes held, with some delay: what a busy queue needed lately it
// keeps. Not bounded: its user decides what to append.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "proto/bytes.hpp"

namespace kp2p::proto::udx {

class ByteQueue {
  public:
    std::uint64_t begin_offset() const { return begin_; }
    std::uint64_t end_offset() const { return end_; }
    std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }
    bool empty() const { return begin_ == end_; }

    void append(ByteView bytes);
    // Appends to `out` the pieces that hold `size` bytes from `offset` on; both within the queue.
    // They live until their bytes are dropped.
    void pieces(std::uint64_t offset, std::size_t size, std::vector<ByteView>& out) const;
    // The first bytes, as many as lie side by side.
    ByteView front() const;
    // Copies up to out.size() bytes from the front and drops them.
    std::size_t read(std::span<std::uint8_t> out);
    void drop_until(std::uint64_t offset);
    void clear() { drop_until(end_); }

  private:
    static constexpr std::size_t chunk_bytes = 16384;
    using Chunk = std::unique_ptr<std::uint8_t[]>;

    std::deque<Chunk> chunks_;
    std::vector<Chunk> spares_;  // at most as many as were in use lately
    std::size_t used_lately_ = 0;
    std::uint64_t base_ = 0;  // of the first chunk
    std::uint64_t begin_ = 0, end_ = 0;
};

}  // namespace kp2p::proto::udx
