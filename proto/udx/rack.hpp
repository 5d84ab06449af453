// Rack: tells lost packets from late ones by time: a packet is lost when one sent after it has
// arrived and the reordering window has passed. The window widens with each round trip in which
// that was wrong, as RFC 8985 has it for those that a duplicate SACK tells of. Source: RFC 8985 as
// npm udx-native 1.21.3 applies it, with finer clocks, and with that.
#pragma once

#include <optional>

#include "proto/udx/flight.hpp"
#include "proto/udx/path/rtt.hpp"

namespace kp2p::proto::udx {

// When the last packets of a flight are lost, nothing that arrives tells of it: a packet asks.
struct TailProbe {
    bool due = false, in_flight = false, is_new = false;
    bool rtt_sampled = false;  // since the last one
    std::uint64_t seq = 0;
};

class Rack {
  public:
    void on_delivered(const SentPacket& packet, Time now, Span min_rtt);
    // A packet was taken for lost and has arrived as it was sent at first. `next_seq` is that of
    // the packet that would be sent next.
    void on_spurious(std::uint64_t seq, std::uint64_t next_seq);
    void on_recovered();  // all that was out when a loss was seen has arrived

    struct Verdict {
        std::size_t lost = 0;            // packets of the path moved to the lost list
        std::size_t lost_probes = 0;     // of these, how many were MTU probes
        std::optional<Time> look_again;  // when some that may be late count as lost
    };
    // `window` is reordering_window(). Moves lost packets of `flight` to its lost list, whatever
    // their path, but counts those of `path` alone.
    Verdict detect(Flight& flight, unsigned path, Time now, Span window) const;
    // For a retransmission timeout: every packet that the window has passed, the first one always.
    Verdict expire(Flight& flight, unsigned path, Time now, Span window) const;
    Span reordering_window(const RoundTrip& rtt, bool recovering, std::size_t done) const;

  private:
    static void lose(Flight& flight, unsigned path, SentPacket& packet, Verdict& verdict);
    bool before(const SentPacket& packet) const;

    bool known_ = false;
    Time sent_at_{};             // of the newest packet that arrived
    std::uint64_t end_seq_ = 0;  // and one past its number
    Span rtt_{};                 // and how long it took
    std::uint64_t highest_ = 0;  // one past the highest number that arrived
    bool reordering_seen_ = false;
    int widening_ = 1;                 // so many times as wide as at first
    int recoveries_left_ = 0;          // until it is no more
    std::uint64_t widened_until_ = 0;  // what was out when it last widened is below
};

}  // namespace kp2p::proto::udx
