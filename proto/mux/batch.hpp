// MuxBatch: collects messages and control messages of Protomux into one frame.
//   batch := 00 00 uint(channel) (item | switch)*
//   item := uint(size > 0) bytes:size, a message without its channel     switch := 00 uint(channel)
// Source: npm protomux 3.12.1.
#pragma once

#include "proto/bytes.hpp"

namespace kp2p::proto {

class MuxBatch {
  public:
    // The item is `head` followed by `rest`, at least one byte. Channel 0 is the control channel.
    void add(std::uint64_t channel, ByteView head, ByteView rest);
    bool empty() const { return items_ == 0; }
    std::size_t size_bytes() const { return bytes_.size(); }
    // What was added, as one frame, and starts anew: a single item as a plain frame, which is
    // shorter, or always as a batch.
    ByteVector take();
    ByteVector take_batch();

  private:
    ByteVector bytes_;  // 00 00 and so on
    std::size_t items_ = 0;
    std::size_t first_item_ = 0;  // where the first item's bytes begin, behind its size
    std::uint64_t channel_ = 0;
};

}  // namespace kp2p::proto
