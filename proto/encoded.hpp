// Encoded: a message as Protomux carries it. Payload: that of one that came.
#pragma once

#include "proto/bytes.hpp"

namespace kp2p::proto {

struct Encoded {
    std::uint64_t type = 0;  // among the messages of its protocol
    ByteVector payload;
};

// Bytes, and what keeps them where they are: views of them, and of parts of them, hold for as long
// as a copy of this does. A copy copies no bytes.
class Payload {
  public:
    Payload() = default;
    Payload(ByteVector bytes) {
        auto kept = std::make_shared<const ByteVector>(std::move(bytes));
        bytes_ = *kept;
        keeper_ = std::move(kept);
    }
    // `bytes` lie in what `keeper` keeps.
    Payload(std::shared_ptr<const void> keeper, ByteView bytes)
        : keeper_(std::move(keeper)), bytes_(bytes) {}

    operator ByteView() const { return bytes_; }
    std::size_t size() const { return bytes_.size(); }
    // The same memory, of which `part` is a view.
    Payload part(ByteView part) const { return {keeper_, part}; }

  private:
    std::shared_ptr<const void> keeper_;
    ByteView bytes_;
};

}  // namespace kp2p::proto
