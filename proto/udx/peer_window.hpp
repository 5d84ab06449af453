// PeerWindow: how many bytes the peer is willing to hold, as it last said; a packet that was
// overtaken on its way does not change it. Source: npm udx-native 1.21.3, after RFC 9293.
#pragma once

#include <algorithm>
#include <cstdint>

namespace kp2p::proto::udx {

class PeerWindow {
  public:
    PeerWindow(std::uint64_t remote_first_seq, std::uint64_t local_first_seq)
        : seq_(remote_first_seq), ack_(local_first_seq) {}

    struct Update {
        std::uint64_t seq, ack;
        std::uint32_t bytes;
    };
    // True if the window was closed and is open now.
    bool update(const Update& update) {
        if (update.seq < seq_ || (update.seq == seq_ && update.ack < ack_)) return false;
        seq_ = update.seq;
        ack_ = update.ack;
        const bool opens = bytes_ == 0 && update.bytes > 0;
        bytes_ = update.bytes;
        return opens;
    }
    std::size_t bytes() const { return bytes_; }
    // At least one packet fits any window but a closed one.
    std::size_t packets(std::size_t payload_bytes) const {
        return bytes_ == 0 ? 0 : std::max<std::size_t>(1, bytes_ / payload_bytes);
    }

  private:
    std::uint64_t seq_, ack_;
    std::uint32_t bytes_ = 4 << 20;  // until the peer says
};

}  // namespace kp2p::proto::udx
