#include "proto/record/frame_buffer.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace kp2p::proto {
namespace {

constexpr std::size_t first_buffer_bytes = 32 * 1024;
constexpr std::size_t usual_buffer_bytes = 256 * 1024;
constexpr std::size_t min_room_bytes = 64 * 1024;

}  // namespace

std::span<std::uint8_t> FrameBuffer::room() {
    if (std::exchange(filled_, false) && buffer_.size() < usual_buffer_bytes)
        buffer_.resize(2 * buffer_.size());
    if (begin_ == end_) begin_ = end_ = 0;
    // What is left of a frame is moved only when the room behind it has become small.
    if (begin_ > 0 && buffer_.size() - end_ < min_room_bytes) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == buffer_.size()) {
        buffer_.resize(std::max(first_buffer_bytes, 2 * buffer_.size()));
    } else if (buffer_.size() > 2 * usual_buffer_bytes && end_ < usual_buffer_bytes) {
        buffer_.resize(usual_buffer_bytes);
        buffer_.shrink_to_fit();
    }
    return std::span(buffer_).subspan(end_);
}

void FrameBuffer::received(std::size_t n_bytes) {
    assert(n_bytes <= buffer_.size() - end_);
    end_ += n_bytes;
    filled_ = end_ == buffer_.size();
}

}  // namespace kp2p::proto
