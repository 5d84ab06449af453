// Stream: other paths to the peer: how one is found, questioned, validated, taken and left.
#include <algorithm>
#include <utility>

#include "proto/udx/stream.hpp"

namespace kp2p::proto::udx {
namespace {

using namespace std::chrono_literals;

constexpr unsigned max_questions = 3;  // unanswered: the path is silent
constexpr unsigned max_rounds = 3;     // of one challenge
constexpr Span min_patience = 100ms, max_patience = 1s;
constexpr Span min_round = 300ms;        // the candidate may take longer than the path in use
constexpr Span between_challenges = 1s;  // of one path
constexpr Span between_questions = 1s;   // that were answered
constexpr Span kept_for = 30s;           // a path that was left is still trusted

}  // namespace

Span Stream::patience() const {
    if (!round_trip().known()) return max_patience;
    return std::clamp<Span>(round_trip().patience(), min_patience, max_patience);
}

// ---- the paths ----

// An empty one, or that of the path that was heard of least recently.
unsigned Stream::free_slot() const {
    std::optional<unsigned> best;
    for (unsigned i = 0; i < max_paths; ++i) {
        if (i == path_ || i == roaming_.candidate || i == roaming_.kept) continue;
        if (!best || !paths_[i] || paths_[i]->heard_at < paths_[*best]->heard_at) best = i;
        if (!paths_[i]) break;
    }
    return *best;
}

// What goes along the path goes along its heir, which may be the next one of this number.
void Stream::vacate(unsigned path, unsigned heir) {
    if (!paths_[path]) return;
    if (roaming_.challenge && roaming_.candidate == path) end_challenge(path_);
    if (roaming_.candidate == path) roaming_.candidate.reset();
    if (roaming_.kept == path) roaming_.kept.reset();
    if (roaming_.knock == path) roaming_.knock.reset();
    if (paths_[path]->left_at != Time()) {  // packets may still go along it
        for (std::uint64_t seq = flight_.unacked_seq(); seq != flight_.next_seq(); ++seq)
            if (flight_.at(seq).path == path) flight_.reroute(flight_.at(seq), heir);
    }
    paths_[path].reset();
}

unsigned Stream::discover(const Remote& remote) {
    const unsigned path = free_slot();
    vacate(path, path_);
    paths_[path] = std::make_unique<Path>(remote);
    return path;
}

void Stream::drop_path(unsigned path) {
    if (path != path_) vacate(path, path_);
}

unsigned Stream::change_remote(Time now, const Remote& remote) {
    if (closed_ != Closed::no) return path_;
    if (roaming_.challenge) fail_challenge(now);
    const unsigned path = free_slot();
    vacate(path, path);
    paths_[path] = std::make_unique<Path>(remote);
    use(now, path);
    rearm(now);
    return path;
}

unsigned Stream::try_remote(Time now, const Remote& remote) {
    if (closed_ != Closed::no) return path_;
    if (roaming_.challenge) fail_challenge(now);
    const unsigned path = discover(remote);
    roaming_.requested = true;
    if (!start_challenge(now, path)) roaming_.requested = false;
    return path;
}

void Stream::use(Time now, unsigned path) {
    current().left_at = now;
    current().received_bytes = current().sent_bytes = 0;
    roaming_.kept = std::exchange(path_, path);
    current().validated = true;
    current().pacer.refill(now);
    // What the old path took may be too much for the new one.
    payload_capacity_ = std::min(payload_capacity_, mtu_bytes() - current().overhead_bytes);
    changed_at_seq_ = flight_.next_seq();
    lost_unreported_ = 0;
    timeout_at_ = now + round_trip().timeout();
    roaming_.candidate.reset();
    roaming_.timer.reset();
    roaming_.questions = 0;
    roaming_.question_due = roaming_.requested = roaming_.improving = false;
    role_ = Role::none;
}

void Stream::move_to(Time now, unsigned path, bool old_is_silent) {
    end_challenge(path);
    use(now, path);
    if (old_is_silent) {
        timeouts_ = quick_timeouts_ = 0;
        recovery_ = Recovery::open;
        tail_ = {};
        leave_other_paths();
    }
    ack_due_ = true;  // what the peer sent meanwhile was acknowledged into the void
    rearm(now);
}

// What went along other paths goes along this one, at once.
void Stream::leave_other_paths() {
    for (std::uint64_t seq = flight_.unacked_seq(); seq != flight_.next_seq(); ++seq) {
        SentPacket& packet = flight_.at(seq);
        if (packet.path == path_ || packet.state == SentPacket::State::done) continue;
        if (packet.state == SentPacket::State::held) continue;
        if (packet.state == SentPacket::State::in_flight) flight_.lose(packet);
        flight_.reroute(packet, path_);
    }
}

// ---- whether the path in use is silent ----

bool Stream::is_trusted(Time now, unsigned path) const {
    return paths_[path]->validated && now - paths_[path]->left_at < kept_for;
}

// False: the packet is forged, and to be ignored.
bool Stream::hear(Time now, const Packet& packet, unsigned from) {
    Path& path = *paths_[from];
    if (from != path_ && path.validated && !is_trusted(now, from)) path.validated = false;
    path.heard_at = now;
    if (!path.validated) path.received_bytes += header_bytes + packet.body.size();
    if (!connected_) return true;
    if (roaming_.challenge && !packet.header.has(flag::heartbeat) && packet.extension_fits()) {
        const std::uint64_t ack = widen(flight_.unacked_seq(), packet.header.ack);
        const auto answer = roaming_.challenge->check(packet, ack);
        if (answer == Challenge::Answer::forged) return fail_challenge(now), false;
        if (answer == Challenge::Answer::right)
            move_to(now, *roaming_.candidate, !roaming_.requested && !roaming_.improving);
    }
    if (from == path_) {
        on_sign_of_life();
    } else {
        suspect(now, from);
    }
    return true;
}

void Stream::on_sign_of_life() {
    if (!roaming_.candidate || roaming_.requested || roaming_.improving) return;
    if (roaming_.challenge) end_challenge(path_);
    roaming_.candidate.reset();
    roaming_.timer.reset();
    roaming_.questions = 0;
    roaming_.question_due = false;
}

// The peer, or somebody who pretends to be the peer, is elsewhere.
void Stream::suspect(Time now, unsigned path) {
    if (now < paths_[path]->retry_at) return;
    if (current().relayed && !paths_[path]->relayed) {
        if (!roaming_.challenge) roaming_.improving = start_challenge(now, path);
        return;
    }
    if (roaming_.candidate) return;
    roaming_.candidate = path;
    if (flight_.in_flight(path_) == 0 && now < roaming_.quiet_until) {
        roaming_.timer = roaming_.quiet_until;
    } else {
        ask(now);
    }
}

// Packets that are on their way already ask as well as any.
void Stream::ask(Time now) {
    roaming_.question_due = roaming_.questions > 0 || flight_.in_flight(path_) == 0;
    if (roaming_.question_due) roaming_.quiet_until = now + between_questions;
    ++roaming_.questions;
    roaming_.timer = now + patience();
}

void Stream::on_path_timer(Time now) {
    roaming_.timer.reset();
    if (!roaming_.candidate) return;
    if (roaming_.challenge) {
        if (roaming_.rounds >= max_rounds) return fail_challenge(now);
        roaming_.round_due = true;
    } else if (roaming_.questions < max_questions) {
        ask(now);
    } else if (is_trusted(now, *roaming_.candidate)) {
        move_to(now, *roaming_.candidate, true);
    } else if (!start_challenge(now, *roaming_.candidate)) {
        roaming_.timer = now + patience();  // it may have sent more by then
    }
}

// When nothing comes back, who was left may still be there.
void Stream::knock(Time now) {
    if (timeouts_ < 2) return;
    leave_other_paths();
    if (roaming_.kept && is_trusted(now, *roaming_.kept)) roaming_.knock = roaming_.kept;
}

// ---- challenges ----

bool Stream::start_challenge(Time now, unsigned path) {
    const bool allowed = roaming_.requested || paths_[path]->may_send(Challenge::sent_bytes);
    if (!allowed || end_seq_) return false;  // nothing has a number after the end
    if (flight_.empty()) timeout_at_ = now + round_trip().timeout();
    roaming_.candidate = path;
    roaming_.challenge.emplace(flight_.next_seq(), options_.challenge_key, roaming_.challenges++);
    for (unsigned i = 0; i < Challenge::numbers; ++i) {
        SentPacket& packet = flight_.push_held(path);
        packet.offset = sent_offset_;
        packet.flags = flag::data;
    }
    roaming_.rounds = 0;
    roaming_.round_due = true;
    if (role_ == Role::none || role_ == Role::keepalive) rearm(now);
    return true;
}

// Its packets are like others that were lost on `path` now.
void Stream::end_challenge(unsigned path) {
    if (!roaming_.challenge) return;
    const Challenge& challenge = *roaming_.challenge;
    for (std::uint64_t seq = challenge.first_seq(); seq != challenge.end_seq(); ++seq) {
        SentPacket& packet = flight_.at(seq);
        if (seq < flight_.unacked_seq() || packet.state != SentPacket::State::held) continue;
        if (packet.path != path) flight_.reroute(packet, path);
        flight_.lose(packet);
    }
    roaming_.challenge.reset();
    roaming_.round_due = false;
}

void Stream::fail_challenge(Time now) {
    paths_[*roaming_.candidate]->retry_at = now + between_challenges;
    end_challenge(path_);
    roaming_.candidate.reset();
    roaming_.timer.reset();
    roaming_.questions = 0;
    roaming_.requested = roaming_.improving = false;
}

bool Stream::add_challenge(Time now) {
    if (!std::exchange(roaming_.round_due, false)) return false;
    Path& path = *paths_[*roaming_.candidate];
    const Challenge& challenge = *roaming_.challenge;
    ++roaming_.rounds;
    roaming_.timer = now + std::max(min_round, patience());
    if (!roaming_.requested && !path.may_send(Challenge::sent_bytes)) return false;
    for (std::uint64_t seq = challenge.first_seq(); seq != challenge.end_seq(); ++seq) {
        SentPacket& packet = flight_.at(seq);
        if (seq < flight_.unacked_seq() || !challenge.asks(seq)) continue;
        if (packet.state != SentPacket::State::held) continue;
        if (roaming_.rounds == 1) path.rate.on_send(packet, now, true);
        packet.retransmitted = roaming_.rounds > 1;
        add_header(flag::data, 0, static_cast<std::uint32_t>(seq), *roaming_.candidate);
        burst_bytes_ += header_bytes;
    }
    segment_bytes_ = header_bytes;
    return burst_packets_ > 0;
}

// An empty packet asks whether somebody is there, as it must be acknowledged.
bool Stream::add_question(Time now) {
    if (!roaming_.question_due || burst_packets_ > 0) return false;
    roaming_.question_due = false;
    if (end_seq_) return false;
    return add(now, push_packet(now, 0));
}

}  // namespace kp2p::proto::udx
