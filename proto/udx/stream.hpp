// Stream: one end of a UDX stream: reliable, ordered bytes both ways over datagrams that may be
// lost, repeated or reordered. Shape: feed it, then drain it.
//   receive(), expire(), write(), end(), destroy() and reads may each produce packets: afterwards
//   call next_burst() until it is empty, and look at deadline(), when expire() is next worth
//   calling. One acknowledgement answers several packets, soon.
// Time is only ever the `now` passed in. Not thread-safe. Holds at most the receive window of
// unread bytes and what write() was given; the caller heeds writable().
// Source: npm udx-native 1.21.3, whose packets and reactions are the test vectors.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "proto/udx/path/path.hpp"
#include "proto/udx/peer_window.hpp"
#include "proto/udx/rack.hpp"
#include "proto/udx/reassembly.hpp"
#include "proto/udx/roaming.hpp"
#include "proto/udx/stream_types.hpp"

namespace kp2p::proto::udx {

class Stream {
  public:
    static constexpr std::size_t max_burst_packets = 64, max_burst_bytes = 65507;
    static constexpr std::size_t max_messages = 64;  // unread or unsent; more are dropped

    Stream(std::uint32_t id, const StreamOptions& options);

    // Until then nothing is sent, but what arrives is kept, and acknowledged when connected.
    void connect(Time now, const Remote& remote);
    bool connected() const { return connected_; }

    // Paths have numbers below max_paths: the first is 0, and a number that is returned for a new
    // one may have been another's until then.
    static constexpr unsigned max_paths = Flight::max_paths;
    unsigned path() const { return path_; }  // new packets go there
    // From now on they go to `remote`, which is known to lead to the peer; earlier ones keep their
    // path unless that falls silent. Requires connected(), as the next ones do.
    unsigned change_remote(Time now, const Remote& remote);
    // The same as soon as `remote` has answered a challenge; nothing changes if it does not. The
    // peer may have to wait for new bytes until that is decided, within three seconds.
    unsigned try_remote(Time now, const Remote& remote);
    // A packet came from an address that is no path yet: the path to receive() it along.
    unsigned discover(const Remote& remote);
    // What goes along it goes along the current one, which it must not be.
    void drop_path(unsigned path);

    void receive(Time now, const Packet& packet, unsigned path);
    void receive(Time now, const Packet& packet) { receive(now, packet, path_); }
    void expire(Time now);  // early and repeated calls are harmless
    std::optional<Time> deadline() const;
    std::optional<Burst> next_burst(Time now);

    void write(Time now, ByteView bytes);
    // So much may wait to be sent, as all behind it waits too: what leaves in a tenth of a second.
    std::size_t queue_bytes() const;
    bool writable() const;  // less does
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
    std::uint32_t remote_id() const { return current().remote_id; }
    std::size_t mtu_bytes() const { return current().mtu.mtu_bytes(); }
    std::size_t window_packets() const { return current().congestion.window_packets(); }
    const RoundTrip& round_trip() const { return current().rtt; }
    std::uint64_t retransmitted() const { return retransmitted_; }
    const Roaming& roaming() const { return roaming_; }

  private:
    enum class Role { none, timeout, tail_probe, reorder, closed_window, keepalive };
    struct Acked {                             // by one packet
        std::size_t packets = 0, on_path = 0;  // the latter along the one in use
        std::optional<Span> longest_rtt, shortest_rtt;
    };

    Path& current() { return *paths_[path_]; }
    const Path& current() const { return *paths_[path_]; }
    void close(Closed why);
    // stream_receive.cpp
    bool receive_content(const Packet& packet);
    void plan_acknowledgement(Time now, const Packet& packet, const Reassembly::Progress& before);
    Span ack_delay() const;
    void receive_acknowledgement(Time now, const Packet& packet);
    void release(Time now, std::uint64_t ack, Acked& acked);
    void apply_sack(Time now, const Packet& packet, Acked& acked);
    void deliver(Time now, SentPacket& packet, Acked& acked);
    void learn(Time now, const SentPacket& packet, Acked& acked);
    void settle(Time now, const Acked& acked, std::size_t in_flight_before);
    void repeat_first_flight(Time now, std::uint64_t ack);
    void leave_recovery(std::uint64_t ack);
    // stream_paths.cpp
    unsigned free_slot() const;
    void vacate(unsigned path, unsigned heir);
    bool hear(Time now, const Packet& packet, unsigned path);
    void suspect(Time now, unsigned path);
    void ask(Time now);
    void on_path_timer(Time now);
    void on_sign_of_life();
    bool is_trusted(Time now, unsigned path) const;
    Span patience() const;
    bool start_challenge(Time now, unsigned path);
    void end_challenge(unsigned path);
    void fail_challenge(Time now);
    void move_to(Time now, unsigned path, bool old_is_silent);
    void use(Time now, unsigned path);
    void leave_other_paths();
    void knock(Time now);
    // stream_timers.cpp
    void detect_losses(Time now);
    void enter_recovery(const Rack::Verdict& verdict);
    void on_timeout(Time now);
    void look_for_narrowness(Time now);
    void on_closed_window(Time now);
    void arm(Role role, Time at);
    void rearm(Time now);
    const RoundTrip& awaited() const;
    bool tail_probe_allowed() const;
    bool quick_timeout_allowed() const;
    // stream_send.cpp
    bool window_allows_new() const;
    bool has_new() const { return unsent_bytes() > 0 || (end_requested_ && !end_seq_); }
    std::size_t unsent_bytes() const {
        return static_cast<std::size_t>(out_.end_offset() - sent_offset_);
    }
    bool add_packets(Time now);
    bool add_challenge(Time now);
    bool add_question(Time now);
    bool add_tail_probe(Time now);
    bool add_lost(Time now);
    bool add_new(Time now);
    SentPacket& make_packet(Time now);
    SentPacket& push_packet(Time now, std::size_t bytes);
    bool add(Time now, SentPacket& packet);
    bool fits_burst(std::size_t datagram_bytes, unsigned path) const;
    bool exceeds_path(const SentPacket& packet) const;
    bool add_control(Time now);
    void add_header(std::uint8_t flags, std::size_t extension, std::uint32_t seq, unsigned path);

    const std::uint32_t id_;
    const StreamOptions options_;
    bool connected_ = false, heard_ = false;  // the latter from the peer
    Closed closed_ = Closed::no;
    unsigned path_ = 0;
    std::array<std::unique_ptr<Path>, max_paths> paths_;
    Roaming roaming_;
    std::uint64_t changed_at_seq_ = 0;  // a change of remote is complete once this is acknowledged

    Reassembly in_;
    ByteQueue out_;  // unacknowledged, then unsent
    std::uint64_t sent_offset_ = 0, retransmitted_ = 0;
    bool end_requested_ = false, end_acknowledged_ = false;
    std::optional<std::uint64_t> end_seq_;  // once sent
    Flight flight_;
    PeerWindow peer_window_;
    Rack rack_;  // over all paths, as packets have one order
    // Of the next packet: set as the one before it is made; at first as if for IPv6.
    std::size_t payload_capacity_ = MtuSearch::base_bytes - ipv6_overhead_bytes;

    Recovery recovery_ = Recovery::open;
    std::uint64_t recover_until_ = 0;
    unsigned timeouts_ = 0, quick_timeouts_ = 0;  // in a row
    unsigned window_probes_ = 0, unanswered_probes_ = 0;
    TailProbe tail_;
    std::size_t lost_unreported_ = 0;  // since the last acknowledgement

    Role role_ = Role::none;
    Time timer_{}, timeout_at_{};
    bool waits_for_pacer_ = false;
    unsigned unanswered_ = 0;     // packets that no acknowledgement told of yet
    std::optional<Time> ack_at_;  // it is due then at the latest
    bool ack_due_ = false, heartbeat_due_ = false, destroy_due_ = false;
    std::size_t announced_window_bytes_;
    std::deque<ByteVector> messages_in_, messages_out_;

    // The burst under construction.
    std::vector<ByteView> pieces_;
    std::array<std::array<std::uint8_t, header_bytes>, max_burst_packets> headers_;
    std::array<std::uint8_t, max_sack_ranges * sack_range_bytes> sack_;
    ByteVector message_;
    std::size_t burst_packets_ = 0, burst_bytes_ = 0, segment_bytes_ = 0;
    bool burst_open_ = true, burst_oversized_ = false;  // open: another packet may join
    unsigned burst_path_ = 0;
};

}  // namespace kp2p::proto::udx
