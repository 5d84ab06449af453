// Flight: the packets that were sent and are not yet covered by the cumulative acknowledgement, by
// sequence number. Each is in flight, lost (waits to be sent again) or done (acknowledged out of
// order), or held: numbered, but outside of what is sent in the usual way. In-flight packets are
// kept in the order of their last transmission, lost ones by number. Bounded by what congestion
// control and the peer's window let out.
#pragma once

#include <array>
#include <set>
#include <vector>

#include "proto/udx/packet.hpp"

namespace kp2p::proto::udx {

struct SentPacket {
    enum class State : std::uint8_t { in_flight, lost, done, held };

    std::uint64_t seq = 0;
    std::uint64_t offset = 0;  // of its bytes in the stream
    std::uint32_t bytes = 0;
    std::uint8_t flags = 0;
    std::uint32_t path = 0;  // where it goes, every time; see reroute()
    State state = State::in_flight;
    bool retransmitted = false;
    bool sent_there = false;  // along `path`: only then its arrival says something of that
    std::uint32_t probe_mtu_bytes = 0;  // when it carries padding to try this size
    Time sent_at{};
    // What the delivery rate was measured from when it was sent (DeliveryRate).
    std::uint64_t delivered = 0;
    Time delivered_at{}, first_sent_at{};
    bool app_limited = false;
    // Neighbours in the list of packets in flight.
    std::uint64_t before = 0, after = 0;
};

class Flight {
  public:
    explicit Flight(std::uint64_t first_seq);

    std::uint64_t unacked_seq() const { return unacked_; }
    std::uint64_t next_seq() const { return next_; }
    bool empty() const { return unacked_ == next_; }
    static constexpr unsigned max_paths = 4;
    std::size_t in_flight() const { return in_flight_; }
    std::size_t in_flight(unsigned path) const { return in_flight_on_[path]; }
    std::size_t lost() const { return lost_.size(); }
    std::size_t done() const { return done_; }  // acknowledged out of order

    SentPacket& at(std::uint64_t seq) { return ring_[seq & mask_]; }
    const SentPacket& at(std::uint64_t seq) const { return ring_[seq & mask_]; }

    // A new packet with the next number, last in flight along `path`.
    SentPacket& push(unsigned path);
    SentPacket& push_held(unsigned path);
    // From lost, or from in flight, to last in flight.
    void resend(SentPacket& packet);
    void lose(SentPacket& packet);  // from in flight or held
    // It goes along `path` from now on, also when that number is another path's than before.
    void reroute(SentPacket& packet, unsigned path);
    void finish(SentPacket& packet);
    // Forgets everything below `seq`; all of it is done.
    void advance(std::uint64_t seq);

    static constexpr std::uint64_t none = 0;  // ends the list through SentPacket::after
    std::uint64_t first_in_flight() const { return first_; }
    std::uint64_t first_lost() const { return lost_.empty() ? none : *lost_.begin(); }

  private:
    void link(SentPacket& packet);
    void unlink(SentPacket& packet);
    void leave(SentPacket& packet);
    SentPacket& append(unsigned path);
    void grow();

    std::vector<SentPacket> ring_;
    std::uint64_t mask_;
    std::uint64_t unacked_, next_;
    std::uint64_t first_ = none, last_ = none;  // of the list of packets in flight
    std::set<std::uint64_t> lost_;
    std::size_t in_flight_ = 0, done_ = 0;
    std::array<std::size_t, max_paths> in_flight_on_{};
    std::size_t most_ = 0;  // held since it was last empty
};

}  // namespace kp2p::proto::udx
