// Reassembly: the receiving half of a stream. Takes numbered packets in any order and gives their
// bytes in order; says what has arrived beyond a gap. Holds at most max_packets_ahead packets past
// the gap, and bytes up to the window and a slack for what was under way when it shrank; what does
// not fit is dropped unacknowledged, and the sender repeats it.
#pragma once

#include <map>

#include "proto/udx/byte_queue.hpp"
#include "proto/udx/packet.hpp"

namespace kp2p::proto::udx {

class Reassembly {
  public:
    static constexpr std::uint64_t max_packets_ahead = 16384;

    Reassembly(std::uint64_t first_seq, std::size_t window_bytes);

    struct Arrival {
        std::uint64_t seq;
        bool is_end;  // the last packet of the stream
        ByteView bytes;
    };
    // False: there was no room, the packet counts as lost. Duplicates are true.
    [[nodiscard]] bool accept(const Arrival& arrival);

    std::uint64_t next_seq() const { return next_seq_; }
    bool ended() const { return ended_; }  // the end and everything before it is here
    bool has_gap() const { return !ranges_.empty(); }
    struct Progress {
        std::uint64_t next_seq = 0;
        std::size_t gaps = 0;
    };
    Progress progress() const { return {next_seq_, ranges_.size()}; }
    // The ranges that arrived beyond next_seq(), ascending, as many as fit; the number written.
    // Of too many the middle is left out: news comes at the front, where the sender repeats
    // itself, and at the back.
    std::size_t write_sack(std::span<std::uint8_t> out) const;

    ByteQueue& readable() { return readable_; }
    const ByteQueue& readable() const { return readable_; }
    // How much more we are willing to hold.
    std::size_t window_bytes() const;
    std::size_t window_limit_bytes() const { return limit_bytes_; }

  private:
    struct Stored {
        bool is_end;
        ByteVector bytes;
    };

    void deliver(bool is_end, ByteView bytes);
    void note_range(std::uint64_t seq);

    std::size_t limit_bytes_;
    std::uint64_t next_seq_;
    std::uint64_t end_seq_;  // of the packet that ends the stream, once known
    bool ended_ = false;
    ByteQueue readable_;
    std::map<std::uint64_t, Stored> ahead_;
    std::map<std::uint64_t, std::uint64_t> ranges_;  // start to end of what ahead_ holds
    std::size_t ahead_bytes_ = 0;
};

}  // namespace kp2p::proto::udx
