// FrameBuffer: what an Opener has received and not yet taken, in one piece. It begins small, grows
// when a receive fills it, as more may be there by then, and what a rare long frame made it grow
// beyond the usual size is given back.
#pragma once

#include <span>

#include "proto/bytes.hpp"

namespace kp2p::proto {

class FrameBuffer {
  public:
    std::span<std::uint8_t> room();  // never empty; valid until the next call
    void received(std::size_t n_bytes);
    // What has arrived; may be changed in place, and stays where it is until room() is called.
    std::span<std::uint8_t> bytes() { return std::span(buffer_).subspan(begin_, end_ - begin_); }
    void take(std::size_t n_bytes) { begin_ += n_bytes; }

  private:
    BulkBytes buffer_;
    std::size_t begin_ = 0, end_ = 0;
    bool filled_ = false;  // by the last receive
};

}  // namespace kp2p::proto
