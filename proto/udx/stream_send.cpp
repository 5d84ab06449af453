// Stream: which packets leave next, and how they are laid out for the socket.
#include <algorithm>
#include <utility>

#include "proto/udx/stream.hpp"

namespace kp2p::proto::udx {
namespace {

constexpr std::array<std::uint8_t, max_extension_bytes> padding{};
constexpr std::size_t much_bytes = 65536;  // so that small packets would cost
// A peer stores this many packets beyond a gap at most.
constexpr std::uint64_t max_span_packets = Reassembly::max_packets_ahead;

}  // namespace

bool Stream::window_allows_new() const {
    return flight_.in_flight(path_) < window_packets() &&
           flight_.in_flight() < peer_window_.packets(payload_capacity_) &&
           flight_.next_seq() - flight_.unacked_seq() < max_span_packets;
}

bool Stream::fits_burst(std::size_t datagram_bytes, unsigned path) const {
    if (burst_packets_ == 0) return true;
    return burst_open_ && burst_packets_ < max_burst_packets && datagram_bytes <= segment_bytes_ &&
           burst_bytes_ + datagram_bytes <= max_burst_bytes && path == burst_path_;
}

// It was made for another path, or this one has become narrower. Bytes that have a number keep it,
// so they cannot be spread over smaller packets; fragments carry them.
bool Stream::exceeds_path(const SentPacket& packet) const {
    const Path& path = *paths_[packet.path];
    return packet.bytes + path.overhead_bytes > path.mtu.mtu_bytes();
}

void Stream::add_header(std::uint8_t flags, std::size_t extension, std::uint32_t seq,
                        unsigned path) {
    announced_window_bytes_ = in_.window_bytes();
    const Header header{.flags = flags,
                        .extension_bytes = static_cast<std::uint8_t>(extension),
                        .receiver_id = paths_[path]->remote_id,
                        .window_bytes = static_cast<std::uint32_t>(announced_window_bytes_),
                        .seq = seq,
                        .ack = static_cast<std::uint32_t>(in_.next_seq())};
    auto& bytes = headers_[burst_packets_++];
    write_header(header, bytes);
    pieces_.emplace_back(bytes);
    burst_path_ = path;
}

std::optional<Burst> Stream::next_burst(Time now) {
    if (!connected_) return {};
    pieces_.clear();
    burst_packets_ = burst_bytes_ = segment_bytes_ = 0;
    burst_open_ = true;
    burst_oversized_ = false;
    waits_for_pacer_ = false;
    if (!add_challenge(now) && !add_packets(now) && !add_control(now)) return {};
    if (Path& path = *paths_[burst_path_]; !path.validated) path.sent_bytes += burst_bytes_;
    return Burst{.pieces = pieces_,
                 .segment_bytes = segment_bytes_,
                 .path = burst_path_,
                 .oversized = burst_oversized_};
}

bool Stream::add_packets(Time now) {
    if (closed_ != Closed::no) return false;
    current().pacer.refill(now);
    const bool limited = unsent_bytes() < payload_capacity_ && flight_.lost() == 0 &&
                         flight_.in_flight(path_) < window_packets();
    if (limited) current().rate.limit_by_app(flight_.in_flight(path_));
    while (add_question(now) || add_tail_probe(now) || add_lost(now) || add_new(now)) {
    }
    if (burst_packets_ == 0) return false;
    // They carry our acknowledgement, all of it unless there are gaps to tell of.
    if (!in_.has_gap()) {
        unanswered_ = 0;
        ack_at_.reset();
        if (!end_acknowledged_) ack_due_ = false;
    }
    if (role_ != Role::reorder) rearm(now);
    return true;
}

bool Stream::add_tail_probe(Time now) {
    if (!tail_.due || burst_packets_ > 0) return false;
    tail_.due = false;
    if (flight_.empty()) return false;
    timeout_at_ = now + round_trip().timeout();
    tail_.in_flight = true;
    tail_.is_new = has_new();
    tail_.seq = tail_.is_new ? flight_.next_seq() : flight_.next_seq() - 1;
    if (tail_.is_new) return add(now, make_packet(now));
    SentPacket& last = flight_.at(tail_.seq);
    const bool waits = last.state == SentPacket::State::held;  // for its challenge
    if (waits || last.state == SentPacket::State::done) return tail_.in_flight = false;
    ++retransmitted_;
    flight_.resend(last);
    if (last.probe_mtu_bytes) current().mtu.on_probe_lost();
    last.probe_mtu_bytes = 0;
    return add(now, last);
}

bool Stream::add_lost(Time now) {
    if (flight_.lost() == 0 || flight_.in_flight(path_) >= window_packets()) return false;
    SentPacket& packet = flight_.at(flight_.first_lost());
    // The peer may have left the relay as well.
    if (paths_[packet.path]->relayed && !current().relayed) flight_.reroute(packet, path_);
    if (!fits_burst(header_bytes + packet.bytes, packet.path)) return false;
    if (burst_packets_ > 0 && exceeds_path(packet)) return false;
    if (!current().pacer.allows()) {
        waits_for_pacer_ = true;
        return false;
    }
    ++retransmitted_;
    flight_.resend(packet);
    packet.probe_mtu_bytes = 0;
    return add(now, packet);
}

bool Stream::add_new(Time now) {
    if (!has_new() || !window_allows_new()) return false;
    const std::size_t bytes = std::min(unsent_bytes(), payload_capacity_);
    if (!fits_burst(header_bytes + bytes, path_)) return false;
    if (!current().pacer.allows()) {
        waits_for_pacer_ = true;
        return false;
    }
    SentPacket& packet = make_packet(now);
    const bool moving = flight_.unacked_seq() < changed_at_seq_;
    if (burst_packets_ == 0 && !moving) {  // a probe is larger than others of its burst
        const auto probe = current().mtu.next_probe(packet.bytes + current().overhead_bytes,
                                                    unsent_bytes() >= much_bytes);
        packet.probe_mtu_bytes = static_cast<std::uint32_t>(probe.value_or(0));
    }
    return add(now, packet);
}

SentPacket& Stream::push_packet(Time now, std::size_t bytes) {
    if (flight_.empty()) {
        timeout_at_ = now + round_trip().timeout();
        if (current().rate.app_limited()) current().congestion.on_restart(now);
    }
    SentPacket& packet = flight_.push(path_);
    packet.offset = sent_offset_;
    packet.bytes = static_cast<std::uint32_t>(bytes);
    packet.flags = flag::data;
    sent_offset_ += bytes;
    return packet;
}

SentPacket& Stream::make_packet(Time now) {
    SentPacket& packet = push_packet(now, std::min(unsent_bytes(), payload_capacity_));
    if (packet.bytes == 0) packet.flags = 0;
    payload_capacity_ = mtu_bytes() - current().overhead_bytes;
    if (end_requested_ && unsent_bytes() == 0) {
        packet.flags |= flag::end;
        end_seq_ = packet.seq;
    }
    return packet;
}

// Lays out a packet that is in flight now. True if another may follow.
bool Stream::add(Time now, SentPacket& packet) {
    if (!roaming_.unanswered_since) roaming_.unanswered_since = now;
    if (!roaming_.unacknowledged_since) roaming_.unacknowledged_since = now;
    const std::size_t overhead = paths_[packet.path]->overhead_bytes;
    const std::size_t extension =
        packet.probe_mtu_bytes ? packet.probe_mtu_bytes - overhead - packet.bytes : 0;
    add_header(packet.flags, extension, static_cast<std::uint32_t>(packet.seq), packet.path);
    if (extension > 0) pieces_.push_back(ByteView(padding).first(extension));
    if (packet.bytes > 0) out_.pieces(packet.offset, packet.bytes, pieces_);
    const std::size_t size = header_bytes + extension + packet.bytes;
    paths_[packet.path]->rate.on_send(packet, now, flight_.in_flight(packet.path) == 1);
    current().pacer.on_sent(size);
    burst_bytes_ += size;
    if (burst_packets_ == 1) segment_bytes_ = size;
    burst_oversized_ = exceeds_path(packet);
    burst_open_ = size == segment_bytes_ && !burst_oversized_;
    return burst_open_ && packet.probe_mtu_bytes == 0;
}

bool Stream::add_control(Time now) {
    const auto seq = static_cast<std::uint32_t>(flight_.next_seq());
    if (roaming_.knock) {
        add_header(flag::heartbeat, 0, seq, *std::exchange(roaming_.knock, std::nullopt));
        segment_bytes_ = header_bytes;
    } else if (!messages_out_.empty()) {
        message_ = std::move(messages_out_.front());
        messages_out_.pop_front();
        add_header(flag::message, 0, seq, path_);
        if (!message_.empty()) pieces_.emplace_back(message_);
        segment_bytes_ = header_bytes + message_.size();
    } else if (destroy_due_) {
        destroy_due_ = false;
        add_header(flag::destroy, 0, seq, path_);
        segment_bytes_ = header_bytes;
    } else if (heartbeat_due_) {
        heartbeat_due_ = false;
        add_header(flag::heartbeat, 0, seq, path_);
        segment_bytes_ = header_bytes;
    } else if (ack_due_) {
        ack_due_ = false;
        unanswered_ = 0;
        ack_at_.reset();
        const std::size_t bytes = in_.write_sack(sack_) * sack_range_bytes;
        add_header(bytes > 0 ? flag::sack : std::uint8_t{0}, 0, seq, path_);
        if (bytes > 0) pieces_.push_back(ByteView(sack_).first(bytes));
        segment_bytes_ = header_bytes + bytes;
    } else {
        return false;
    }
    if (flight_.empty() && role_ != Role::closed_window && closed_ == Closed::no) rearm(now);
    return true;
}

}  // namespace kp2p::proto::udx
