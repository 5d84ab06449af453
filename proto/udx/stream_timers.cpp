// Stream: its one timer, and what silence means in each role of it.
#include <algorithm>

#include "proto/udx/stream.hpp"

namespace kp2p::proto::udx {
namespace {

using namespace std::chrono_literals;

constexpr unsigned max_timeouts = 7;        // in a row; the last one closes
constexpr unsigned max_quick_timeouts = 3;  // in a row
constexpr unsigned narrower_after = 2;      // of both in a row: large packets may not get through
// Nor in fragments, where a small packet did.
constexpr unsigned no_fragments_after = narrower_after + 1;
constexpr Span min_quick_timeout = 30ms;
constexpr unsigned max_window_probes = 7;  // unanswered
constexpr Span tail_probe_unknown_rtt = 1s, quick_timeout_unknown_rtt = 500ms;
// A peer acknowledges at once but may be late in noticing, a single packet most of all.
constexpr Span min_tail_probe = 2ms, single_packet_extra = 2ms;
constexpr Span min_remaining = 1ms;

}  // namespace

std::optional<Time> Stream::deadline() const {
    std::optional<Time> next;
    if (role_ != Role::none) next = timer_;
    if (waits_for_pacer_) next = std::min(next.value_or(Time::max()), current().pacer.ready_at());
    if (roaming_.timer) next = std::min(next.value_or(Time::max()), *roaming_.timer);
    if (ack_at_) next = std::min(next.value_or(Time::max()), *ack_at_);
    return next;
}

void Stream::arm(Role role, Time at) {
    role_ = role;
    timer_ = at;
}

// Of the path that the next answer is awaited from, as the one in use may be new.
const RoundTrip& Stream::awaited() const {
    const std::uint64_t first = flight_.first_in_flight();
    return first == Flight::none ? round_trip() : paths_[flight_.at(first).path]->rtt;
}

bool Stream::tail_probe_allowed() const {
    return flight_.in_flight() > 0 && recovery_ == Recovery::open && flight_.done() == 0 &&
           tail_.rtt_sampled && !tail_.in_flight;
}

// A path that was alive a moment ago is not given a whole second when repetitions were lost, or the
// probe was; nor is a new one, which what is sent first opens.
bool Stream::quick_timeout_allowed() const {
    const bool unprobed = recovery_ != Recovery::open || !tail_probe_allowed();
    const bool in_time = timeouts_ == 0 || !round_trip().known();
    return unprobed && in_time && quick_timeouts_ < max_quick_timeouts;
}

// Chooses the role that fits what is out; a loss detection that looks again is armed elsewhere.
void Stream::rearm(Time now) {
    if (closed_ != Closed::no || !connected_) return arm(Role::none, now);
    if (!flight_.empty()) {
        Time timeout = std::max(timeout_at_, now + min_remaining);
        if (quick_timeout_allowed()) {
            const RoundTrip& rtt = round_trip();
            const Span quick = rtt.known() ? std::max<Span>(rtt.patience(), min_quick_timeout)
                                           : quick_timeout_unknown_rtt;
            timeout = std::min(timeout, now + quick * (1 << quick_timeouts_));
        }
        if (!tail_probe_allowed()) return arm(Role::timeout, timeout);
        Span delay = tail_probe_unknown_rtt;
        if (awaited().known()) {
            delay = std::max<Span>(2 * awaited().smoothed(), min_tail_probe);
            if (flight_.in_flight() == 1) delay += single_packet_extra;
        }
        if (now + delay < timeout) return arm(Role::tail_probe, now + delay);
        return arm(Role::timeout, timeout);
    }
    if (peer_window_.bytes() == 0 && has_new()) {
        if (role_ == Role::closed_window) return;
        window_probes_ = 1;
        return arm(Role::closed_window, now + round_trip().timeout());
    }
    if (options_.keepalive > Span::zero()) return arm(Role::keepalive, now + options_.keepalive);
    arm(Role::none, now);
}

void Stream::expire(Time now) {
    if (roaming_.timer && *roaming_.timer <= now) on_path_timer(now);
    if (ack_at_ && *ack_at_ <= now) {
        ack_at_.reset();
        ack_due_ = true;
    }
    if (closed_ != Closed::no || role_ == Role::none || timer_ > now) return;
    switch (role_) {
        case Role::timeout:
            return on_timeout(now);
        case Role::tail_probe:
            tail_.due = true;
            tail_.rtt_sampled = false;
            timeout_at_ = now + round_trip().timeout();
            return arm(Role::timeout, timeout_at_);
        case Role::reorder:
            detect_losses(now);
            return;
        case Role::closed_window:
            return on_closed_window(now);
        case Role::keepalive:
            heartbeat_due_ = true;
            return arm(Role::keepalive, now + options_.keepalive);
        case Role::none:
            return;
    }
}

void Stream::detect_losses(Time now) {
    const bool recovering = recovery_ != Recovery::open;
    const Span window = rack_.reordering_window(round_trip(), recovering, flight_.done());
    const Rack::Verdict verdict = rack_.detect(flight_, path_, now, window);
    enter_recovery(verdict);
    rearm(now);
    if (verdict.look_again && *verdict.look_again < timer_) arm(Role::reorder, *verdict.look_again);
}

void Stream::enter_recovery(const Rack::Verdict& verdict) {
    lost_unreported_ += verdict.lost - verdict.lost_probes;
    for (std::size_t i = 0; i < verdict.lost_probes; ++i) current().mtu.on_probe_lost();
    // The loss of a probe says something about its size, not about congestion.
    if (verdict.lost == verdict.lost_probes || recovery_ != Recovery::open) return;
    recovery_ = Recovery::recovery;
    recover_until_ = flight_.next_seq();
    tail_.in_flight = tail_.due = false;
}

void Stream::on_timeout(Time now) {
    if (flight_.empty()) return rearm(now);
    const bool quick = quick_timeout_allowed() && now < timeout_at_;
    if (!quick && ++timeouts_ >= max_timeouts) return close(Closed::timed_out);
    if (quick) ++quick_timeouts_;
    const Recovery before = recovery_;
    Path& path = current();
    const Span window = rack_.reordering_window(path.rtt, true, flight_.done());
    const Rack::Verdict verdict = rack_.expire(flight_, path_, now, window);
    for (std::size_t i = 0; i < verdict.lost_probes; ++i) current().mtu.on_probe_lost();
    recovery_ = Recovery::loss;
    recover_until_ = flight_.next_seq();
    tail_.in_flight = tail_.due = false;
    path.congestion.on_timeout(before, flight_.in_flight(path_));
    if (timeouts_ + quick_timeouts_ >= narrower_after) look_for_narrowness(now);
    if (closed_ != Closed::no) return;
    if (!quick) {
        timeout_at_ = now + 2 * path.rtt.timeout();
        knock(now);
    }
    rearm(now);
}

// What has a number can be sent again as it is alone: where that does not get through, not even in
// fragments, but smaller packets do, only another stream brings the bytes across.
void Stream::look_for_narrowness(Time now) {
    Path& path = current();
    const unsigned in_a_row = timeouts_ + quick_timeouts_;
    if (in_a_row == narrower_after) {
        path.narrowed_at = now;
        path.takes_small = false;
    }
    path.mtu.start_anew();
    payload_capacity_ = std::min(payload_capacity_, mtu_bytes() - path.overhead_bytes);
    const SentPacket& first = flight_.at(flight_.unacked_seq());
    if (!path.rtt.known() || first.path != path_ || !exceeds_path(first)) return;
    if (in_a_row >= no_fragments_after && path.takes_small) return close(Closed::timed_out);
    roaming_.question_due = true;
}

// A heartbeat asks for the window; any answer that opens it ends this.
void Stream::on_closed_window(Time now) {
    if (peer_window_.bytes() > 0 || !has_new()) return rearm(now);
    if (++unanswered_probes_ > max_window_probes) return close(Closed::timed_out);
    const Span wait = window_probes_++ == 0 ? round_trip().timeout() : 2 * round_trip().timeout();
    heartbeat_due_ = true;
    arm(Role::closed_window, now + wait);
}

}  // namespace kp2p::proto::udx
