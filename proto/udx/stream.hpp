// Stream: one end of a UDX stream: reliable, ordered bytes both ways over datagrams that may be
// lost, repeated or reordered. Shape: feed it, then drain it.
//   receive(), expire(), write(), end(), destroy() and reads may each produce packets: afterwards
//   call next_burst() until it is empty, and look at deadline(), when expire() is next worth
//   calling. One acknowledgement answers all that was received since the last drain.
// Time is only ever the `now` passed in. Not thread-safe. Holds at most the receive window of
// unread bytes and what write() was given; the caller heeds writable().
// Source: npm udx-native 1.21.3, whose packets and reactions are the test vectors.
#pragma once

#include <deque>
#include <optional>

#include "proto/udx/path/bbr.hpp"
#include "proto/udx/path/mtu.hpp"
#include "proto/udx/path/pacer.hpp"
#include "proto/udx/path/rtt.hpp"
#include "proto/udx/peer_window.hpp"
#include "proto/udx/rack.hpp"
#include "proto/udx/reassembly.hpp"

namespace kp2p::proto::udx {

struct StreamOptions {
    std::size_t receive_window_bytes = 4 << 20;
    Span keepalive{};  // of silence before a heartbeat; zero for none
    // Other than 0 only where both sides know, which Hyperswarm's do not.
    std::uint32_t first_seq = 0, remote_first_seq = 0;
};

struct Remote {
    std::uint32_t id = 0;                                   // the stream's id at the peer
    std::size_t max_mtu_bytes = MtuSearch::internet_bytes;  // of the way there, as far as known
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
    unsigned path = 0;  // which remote, counted from 0 at connect()
};

class Stream {
  public:
    static constexpr std::size_t max_burst_packets = 64, max_burst_bytes = 65507;
    static constexpr std::size_t max_messages = 64;  // unread or unsent; more are dropped

    Stream(std::uint32_t id, const StreamOptions& options);

    // Until then nothing is sent, but what arrives is kept, and acknowledged when connected.
    void connect(Time now, const Remote& remote);
    bool connected() const { return connected_; }
    // From now on new packets go to `remote`; earlier ones keep their path. At most max_paths
    // paths are in use: the packets of the oldest move on to the newest.
    void change_remote(Time now, const Remote& remote);
    static constexpr unsigned max_paths = 4;
    unsigned path() const { return path_; }

    void receive(Time now, const Packet& packet);
    void expire(Time now);  // early and repeated calls are harmless
    std::optional<Time> deadline() const;
    std::optional<Burst> next_burst(Time now);

    void write(Time now, ByteView bytes);
    bool writable() const;  // below the high watermark
    void end(Time now);     // after the bytes written so far
    void destroy();         // drops what is unread and unsent, and tells the peer
    // One datagram beside the stream, unordered and unreliable.
    void send_message(ByteView bytes);
    std::optional<ByteVector> next_message();

    std::size_t readable_bytes() const { return in_.readable().size(); }
    std::size_t read(std::span<std::uint8_t> out);
    // After read(): the peer should hear that there is room again.
    bool acknowledgement_due() const { return ack_due_; }
    bool remote_ended() const { return in_.ended(); }  // no byte comes after the readable ones
    bool end_acknowledged() const { return end_acknowledged_; }
    Closed closed() const { return closed_; }
    // What to answer late packets with once closed, so that the peer learns: a packet or nothing.
    std::optional<std::array<std::uint8_t, header_bytes>> last_word() const;

    std::uint32_t id() const { return id_; }
    std::size_t mtu_bytes() const { return mtu_.mtu_bytes(); }
    std::size_t window_packets() const { return congestion_.window_packets(); }
    const RoundTrip& round_trip() const { return rtt_; }
    std::uint64_t retransmitted() const { return retransmitted_; }

  private:
    enum class Role { none, timeout, tail_probe, reorder, closed_window, keepalive };
    struct Acked {  // by one packet
        std::size_t packets = 0;
        std::optional<Span> longest_rtt, shortest_rtt;
    };

    void close(Closed why);
    // stream_receive.cpp
    bool receive_content(const Packet& packet);
    void receive_acknowledgement(Time now, const Packet& packet);
    void release(Time now, std::uint64_t ack, Acked& acked);
    void apply_sack(Time now, const Packet& packet, Acked& acked);
    void deliver(Time now, SentPacket& packet, Acked& acked);
    void settle(Time now, const Acked& acked, std::size_t in_flight_before);
    void repeat_first_flight(Time now, std::uint64_t ack);
    void leave_recovery(std::uint64_t ack);
    // stream_timers.cpp
    std::size_t detect_losses(Time now);
    void enter_recovery(const Rack::Verdict& verdict);
    void on_timeout(Time now);
    void on_closed_window(Time now);
    void arm(Role role, Time at);
    void rearm(Time now);
    bool tail_probe_allowed() const;
    bool quick_timeout_allowed() const;
    // stream_send.cpp
    bool window_allows_new() const;
    bool has_new() const { return unsent_bytes() > 0 || (end_requested_ && !end_seq_); }
    std::size_t unsent_bytes() const {
        return static_cast<std::size_t>(out_.end_offset() - sent_offset_);
    }
    bool add_packets(Time now);
    bool add_tail_probe(Time now);
    bool add_lost(Time now);
    bool add_new(Time now);
    SentPacket& make_packet(Time now);
    bool add(Time now, SentPacket& packet);
    bool fits_burst(std::size_t datagram_bytes, unsigned path) const;
    bool add_control(Time now);
    void add_header(std::uint8_t flags, std::size_t extension, std::uint32_t seq, unsigned path);

    const std::uint32_t id_;
    const StreamOptions options_;
    bool connected_ = false;
    bool heard_ = false;  // from the peer
    Closed closed_ = Closed::no;
    unsigned path_ = 0;
    std::array<std::uint32_t, max_paths> remote_ids_{};
    std::uint64_t changed_at_seq_ = 0;  // a change of remote is complete once this is acknowledged

    Reassembly in_;
    ByteQueue out_;  // unacknowledged, then unsent
    std::uint64_t sent_offset_ = 0;
    bool end_requested_ = false, end_acknowledged_ = false;
    std::optional<std::uint64_t> end_seq_;  // once sent
    Flight flight_;
    PeerWindow peer_window_;
    RoundTrip rtt_;
    Rack rack_;
    DeliveryRate rate_;
    Bbr congestion_;
    Pacer pacer_;
    MtuSearch mtu_;
    // Of the next packet: as the reference implementation does, fixed when the one before it was
    // made. It sizes the first one as if for IPv6.
    std::size_t payload_capacity_ =
        MtuSearch::base_bytes - packet_overhead_bytes - ipv6_extra_bytes;

    Recovery recovery_ = Recovery::open;
    std::uint64_t recover_until_ = 0;
    unsigned timeouts_ = 0, quick_timeouts_ = 0;  // in a row
    unsigned window_probes_ = 0, unanswered_probes_ = 0;
    struct TailProbe {
        bool due = false, in_flight = false, is_new = false;
        bool rtt_sampled = false;  // since the last one
        std::uint64_t seq = 0;
    } tail_;
    std::size_t lost_unreported_ = 0;  // since the last acknowledgement
    std::uint64_t retransmitted_ = 0;

    Role role_ = Role::none;
    Time timer_{}, timeout_at_{};
    bool waits_for_pacer_ = false;

    bool ack_due_ = false, heartbeat_due_ = false, destroy_due_ = false;
    std::size_t announced_window_bytes_;
    std::deque<ByteVector> messages_in_, messages_out_;

    // The burst under construction.
    std::vector<ByteView> pieces_;
    std::array<std::array<std::uint8_t, header_bytes>, max_burst_packets> headers_;
    std::array<std::uint8_t, max_sack_ranges * sack_range_bytes> sack_;
    ByteVector message_;
    std::size_t burst_packets_ = 0, burst_bytes_ = 0, segment_bytes_ = 0;
    bool burst_open_ = true;  // another packet may join
    unsigned burst_path_ = 0;
};

}  // namespace kp2p::proto::udx
