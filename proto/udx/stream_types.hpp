// What a Stream is given at its beginning, what it gives to be sent, and how it ends.
#pragma once

#include "proto/udx/challenge.hpp"

namespace kp2p::proto::udx {

struct StreamOptions {
    std::size_t receive_window_bytes = 8 << 20;
    // The longest that one acknowledgement waits for others to share a packet with; zero: each
    // packet is answered at once.
    Span max_ack_delay = std::chrono::milliseconds(25);
    Span keepalive{};  // of silence before a heartbeat; zero for none
    // Other than 0 only where both sides know, which Hyperswarm's do not.
    std::uint32_t first_seq = 0, remote_first_seq = 0;
    ChallengeKey challenge_key{};  // unpredictable outside of tests
};

enum class Closed {
    no,
    ended,      // both directions ended, everything acknowledged
    destroyed,  // by us
    reset,      // by the peer
    timed_out,  // the peer stopped answering
};

// Datagrams of segment_bytes each, laid end to end over the pieces; only the last may be shorter.
struct Burst {
    std::span<const ByteView> pieces;  // until the next call into the stream
    std::size_t segment_bytes = 0;
    unsigned path = 0;       // where to
    bool oversized = false;  // one datagram, larger than the path is known to carry: in fragments
};

}  // namespace kp2p::proto::udx
