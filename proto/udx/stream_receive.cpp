// Stream: what a packet does, in the order of the reference implementation.
#include <algorithm>
#include <utility>

#include "proto/udx/stream.hpp"

namespace kp2p::proto::udx {
namespace {

using namespace std::chrono_literals;

// What was sent less than this before the peer's first packet may still be on its way.
constexpr Span first_flight_grace = 50ms;
// One acknowledgement answers so many packets, and at the beginning, while the sender grows with
// each, fewer. It waits for them no longer than a part of the round trip.
constexpr unsigned packets_an_answer = 8, packets_an_early_answer = 2;
constexpr std::uint64_t early_packets = 64;
constexpr Span min_ack_delay = 1ms;
constexpr int ack_delays_a_round_trip = 4;

}  // namespace

void Stream::receive(Time now, const Packet& packet, unsigned path) {
    if (closed_ != Closed::no || !hear(now, packet, path)) return;
    unanswered_probes_ = 0;
    if (roaming_.unanswered_since) roaming_.unanswered_since = now;
    if (packet.header.has(flag::heartbeat)) {
        ack_due_ = true;
        return;
    }
    if (!packet.extension_fits()) return;
    const bool was_due = ack_due_;
    const Reassembly::Progress before = in_.progress();
    const bool accepted = receive_content(packet);
    if (closed_ != Closed::no) return;
    const std::uint64_t ack = widen(flight_.unacked_seq(), packet.header.ack);
    if (ack > flight_.next_seq()) return;  // acknowledges what was never sent
    ack_due_ = was_due;
    if (accepted && packet.header.has(flag::data | flag::end))
        plan_acknowledgement(now, packet, before);
    receive_acknowledgement(now, packet);
    if (flight_.empty()) roaming_.unanswered_since = roaming_.unacknowledged_since = std::nullopt;
    if (end_acknowledged_ && in_.ended() && closed_ == Closed::no) close(Closed::ended);
}

// The sender learns at once of what was lost, of what closes a gap, and that its end has come; and
// whoever repeats a packet, or sends one without bytes, asks whether we are there.
void Stream::plan_acknowledgement(Time now, const Packet& packet,
                                  const Reassembly::Progress& before) {
    const bool early = in_.next_seq() - widen_first(options_.remote_first_seq) < early_packets;
    const bool again = widen(before.next_seq, packet.header.seq) < before.next_seq;
    const bool asks = again || packet.header.has(flag::end) || packet.payload().empty();
    const bool at_once = asks || in_.progress().gaps != before.gaps ||
                         ++unanswered_ >= (early ? packets_an_early_answer : packets_an_answer);
    const Span delay = ack_delay();
    if (at_once || delay == Span::zero()) {
        ack_due_ = true;
    } else if (!ack_at_) {
        ack_at_ = now + delay;
    }
}

Span Stream::ack_delay() const {
    const Span part = round_trip().known() ? round_trip().smoothed() / ack_delays_a_round_trip
                                           : Span(min_ack_delay);
    return std::min(std::max<Span>(part, min_ack_delay), options_.max_ack_delay);
}

// False: the packet brings nothing that may be acknowledged.
bool Stream::receive_content(const Packet& packet) {
    const Header& header = packet.header;
    const std::uint64_t seq = widen(in_.next_seq(), header.seq);
    bool accepted = true;
    if (header.has(flag::data | flag::end)) {
        const ByteView bytes = header.has(flag::data) ? packet.payload() : ByteView();
        accepted = in_.accept({.seq = seq, .is_end = header.has(flag::end), .bytes = bytes});
    } else if (header.has(flag::destroy) && seq >= in_.next_seq()) {
        close(Closed::reset);
        return false;
    }
    if (header.has(flag::message) && messages_in_.size() < max_messages) {
        const ByteView bytes = packet.payload();
        messages_in_.emplace_back(bytes.begin(), bytes.end());
    }
    return accepted;
}

void Stream::receive_acknowledgement(Time now, const Packet& packet) {
    const std::uint64_t ack = widen(flight_.unacked_seq(), packet.header.ack);
    const std::size_t in_flight_before = flight_.in_flight(path_);
    if (ack >= flight_.unacked_seq()) {
        const PeerWindow::Update update{.seq = widen(in_.next_seq(), packet.header.seq),
                                        .ack = ack,
                                        .bytes = packet.header.window_bytes};
        if (peer_window_.update(update)) window_probes_ = 0;
    }
    if (tail_.in_flight && (tail_.is_new ? ack >= tail_.seq : ack > tail_.seq))
        tail_.in_flight = false;
    repeat_first_flight(now, ack);
    leave_recovery(ack);
    Acked acked;
    release(now, ack, acked);
    if (end_seq_ && flight_.unacked_seq() > *end_seq_ && !end_acknowledged_) {
        end_acknowledged_ = true;
        // The peer learns from one more packet that we know, unless this closes the stream.
        if (!in_.ended()) ack_due_ = true;
    }
    apply_sack(now, packet, acked);
    if (acked.packets > 0) {
        roaming_.unacknowledged_since = now;
        roaming_.heard = true;
    }
    settle(now, acked, in_flight_before);
}

// What we sent before the peer was there, or before the NATs and relays between us let it through,
// is lost. The first sign of the peer says that the way is open now; it would be a pity to wait for
// the timeout.
void Stream::repeat_first_flight(Time now, std::uint64_t ack) {
    const bool first_sign = !std::exchange(heard_, true);
    if (!first_sign || flight_.empty() || ack > flight_.unacked_seq()) return;
    while (flight_.first_in_flight() != Flight::none) {
        SentPacket& packet = flight_.at(flight_.first_in_flight());
        if (now - packet.sent_at < first_flight_grace) return;
        flight_.lose(packet);
    }
}

void Stream::leave_recovery(std::uint64_t ack) {
    if (recovery_ == Recovery::open || ack <= recover_until_) return;
    recovery_ = Recovery::open;
    rack_.on_recovered();
}

void Stream::release(Time now, std::uint64_t ack, Acked& acked) {
    if (ack <= flight_.unacked_seq()) return;
    for (std::uint64_t seq = flight_.unacked_seq(); seq != ack; ++seq) {
        SentPacket& packet = flight_.at(seq);
        if (packet.state != SentPacket::State::done) deliver(now, packet, acked);
    }
    const SentPacket& last = flight_.at(ack - 1);
    out_.drop_until(last.offset + last.bytes);
    flight_.advance(ack);
    timeouts_ = quick_timeouts_ = 0;
}

void Stream::apply_sack(Time now, const Packet& packet, Acked& acked) {
    // A peer may list the same packets again and again; it gets no more work out of us than this.
    std::uint64_t walk_left = 2 * (flight_.next_seq() - flight_.unacked_seq());
    for (std::size_t i = 0; i < packet.sack_ranges(); ++i) {
        const SackRange range = packet.sack_range(i);
        const std::uint64_t start = widen(flight_.unacked_seq(), range.start);
        const std::uint64_t end = widen(flight_.unacked_seq(), range.end);
        if (start >= end || start < flight_.unacked_seq() || end > flight_.next_seq()) continue;
        if (end - start > walk_left) return;
        walk_left -= end - start;
        for (std::uint64_t seq = start; seq != end; ++seq) {
            SentPacket& sent = flight_.at(seq);
            if (sent.state != SentPacket::State::done) deliver(now, sent, acked);
        }
    }
}

void Stream::deliver(Time now, SentPacket& packet, Acked& acked) {
    ++acked.packets;
    if (packet.sent_there) learn(now, packet, acked);
    flight_.finish(packet);
}

// What the delivery of a packet says of its path.
void Stream::learn(Time now, const SentPacket& packet, Acked& acked) {
    Path& path = *paths_[packet.path];
    path.rate.on_delivered(packet);
    // Too soon for its repetition, which may not have been sent yet.
    const bool too_soon = packet.retransmitted && now - packet.sent_at < path.rtt.minimum();
    if (packet.state == SentPacket::State::lost || too_soon)
        rack_.on_spurious(packet.seq, flight_.next_seq());
    rack_.on_delivered(packet, now, path.rtt.minimum());
    path.mtu.on_first_delivery();
    if (packet.bytes == 0 && packet.sent_at >= path.narrowed_at) path.takes_small = true;
    if (packet.path == path_) {
        ++acked.on_path;
        on_sign_of_life();
        if (packet.probe_mtu_bytes) path.mtu.on_probe_delivered(packet.probe_mtu_bytes);
    }
    const Span rtt = now - packet.sent_at;
    if (packet.path != path_ && !packet.retransmitted) {
        path.rtt.sample(now, rtt, rtt);
        tail_.rtt_sampled = true;
    } else if (!packet.retransmitted) {
        acked.longest_rtt = std::max(acked.longest_rtt.value_or(rtt), rtt);
        acked.shortest_rtt = std::min(acked.shortest_rtt.value_or(rtt), rtt);
    }
}

void Stream::settle(Time now, const Acked& acked, std::size_t in_flight_before) {
    Path& path = current();
    if (acked.longest_rtt) {
        path.rtt.sample(now, *acked.longest_rtt, *acked.shortest_rtt);
        tail_.rtt_sampled = true;
    }
    if (acked.packets > 0) {
        timeout_at_ = now + path.rtt.timeout();
        detect_losses(now);
    } else if (flight_.empty()) {
        rearm(now);
    }
    if (in_flight_before == 0) return;
    Bbr::Ack ack{.now = now,
                 .acked = acked.on_path,
                 .lost = lost_unreported_,
                 .in_flight = flight_.in_flight(path_),
                 .sample = path.rate.take(now, path.rtt.minimum()),
                 .rtt = acked.shortest_rtt,
                 .smoothed_rtt = {},
                 .recovery = recovery_,
                 .payload_bytes = payload_capacity_};
    if (path.rtt.known()) ack.smoothed_rtt = path.rtt.smoothed();
    lost_unreported_ = 0;
    path.congestion.on_ack(ack, path.rate);
    path.pacer.set_rate(path.congestion.pacing_bytes_per_second());
}

}  // namespace kp2p::proto::udx
