#include "proto/mux/batch.hpp"

#include <cassert>
#include <utility>

#include "proto/compact.hpp"

namespace kp2p::proto {

void MuxBatch::add(std::uint64_t channel, ByteView head, ByteView rest) {
    assert(!head.empty());
    Writer writer;
    if (items_ == 0) {
        writer.uint(0).uint(0).uint(channel);
    } else if (channel != channel_) {
        writer.uint(0).uint(channel);
    }
    channel_ = channel;
    writer.uint(head.size() + rest.size());
    if (items_ == 0) first_item_ = writer.bytes().size();
    writer.raw(head);
    bytes_.insert(bytes_.end(), writer.bytes().begin(), writer.bytes().end());
    bytes_.insert(bytes_.end(), rest.begin(), rest.end());
    items_++;
}

ByteVector MuxBatch::take() {
    if (items_ != 1) return take_batch();
    const ByteVector batch = take_batch();
    Writer writer;
    writer.uint(channel_).raw(ByteView(batch).subspan(first_item_));
    return writer.take();
}

ByteVector MuxBatch::take_batch() {
    items_ = 0;
    return std::exchange(bytes_, ByteVector());
}

}  // namespace kp2p::proto
