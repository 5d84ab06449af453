#include "proto/udx/rack.hpp"

#include <algorithm>

namespace kp2p::proto::udx {
namespace {

constexpr int wide_recoveries = 16;  // after the last that was none

}  // namespace

void Rack::on_delivered(const SentPacket& packet, Time now, Span min_rtt) {
    const std::uint64_t end = packet.seq + 1;
    if (end < highest_ && !packet.retransmitted) reordering_seen_ = true;
    highest_ = std::max(highest_, end);
    const Span rtt = now - packet.sent_at;
    // An acknowledgement faster than the path belongs to an earlier transmission.
    if (packet.retransmitted && rtt < min_rtt) return;
    rtt_ = rtt;
    if (known_ && (packet.sent_at < sent_at_ || (packet.sent_at == sent_at_ && end < end_seq_)))
        return;
    known_ = true;
    sent_at_ = packet.sent_at;
    end_seq_ = end;
}

void Rack::on_spurious(std::uint64_t seq, std::uint64_t next_seq) {
    reordering_seen_ = true;
    recoveries_left_ = wide_recoveries;
    if (seq < widened_until_) return;
    widened_until_ = next_seq;
    ++widening_;
}

void Rack::on_recovered() {
    if (recoveries_left_ > 0 && --recoveries_left_ == 0) widening_ = 1;
}

Span Rack::reordering_window(const RoundTrip& rtt, bool recovering, std::size_t done) const {
    if (!reordering_seen_ && (recovering || done >= 3)) return Span::zero();
    return std::min(widening_ * rtt.minimum() / 4, rtt.smoothed());
}

bool Rack::before(const SentPacket& packet) const {
    return packet.sent_at < sent_at_ || (packet.sent_at == sent_at_ && packet.seq + 1 < end_seq_);
}

void Rack::lose(Flight& flight, unsigned path, SentPacket& packet, Verdict& verdict) {
    flight.lose(packet);
    if (packet.path != path) return;
    ++verdict.lost;
    if (packet.probe_mtu_bytes) ++verdict.lost_probes;
}

Rack::Verdict Rack::detect(Flight& flight, unsigned path, Time now, Span window) const {
    Verdict verdict;
    if (!known_) return verdict;
    for (std::uint64_t seq = flight.first_in_flight(); seq != Flight::none;) {
        SentPacket& packet = flight.at(seq);
        if (packet.sent_at > sent_at_) break;
        seq = packet.after;
        if (!before(packet)) continue;
        const Time lost_at = packet.sent_at + rtt_ + window;
        if (lost_at > now) {
            verdict.look_again = std::max(verdict.look_again.value_or(lost_at), lost_at);
            continue;
        }
        lose(flight, path, packet, verdict);
    }
    return verdict;
}

Rack::Verdict Rack::expire(Flight& flight, unsigned path, Time now, Span window) const {
    Verdict verdict;
    for (std::uint64_t seq = flight.first_in_flight(); seq != Flight::none;) {
        SentPacket& packet = flight.at(seq);
        seq = packet.after;
        if (packet.seq != flight.unacked_seq() && packet.sent_at + rtt_ + window >= now) continue;
        lose(flight, path, packet, verdict);
    }
    return verdict;
}

}  // namespace kp2p::proto::udx
