#include "proto/udx/path/bbr.hpp"

#include <algorithm>
#include <cmath>

namespace kp2p::proto::udx {
namespace {

using namespace std::chrono_literals;

constexpr double high_gain = 2.88539;  // 2/ln 2: doubles the rate each round
constexpr double cycle_gains[] = {1.25, 0.75, 1, 1, 1, 1, 1, 1};
constexpr int cycle_length = 8, first_cycle = 4;
constexpr double full_pipe_growth = 1.25;
// So many losses in a round, and more than an eighth of it, mean that a queue overflows.
constexpr std::size_t min_overflow = 16;
constexpr std::size_t min_window_cap = 32, no_window_cap = 1 << 20;
constexpr double pacing_margin = 0.99;
constexpr std::size_t initial_window = 10, min_window = 4;
// Once the round trip is known the first flight is spread over it, and may be larger: a megabyte
// should not take one round trip for each doubling from ten packets.
constexpr std::size_t spread_window = 64;
// While no queue grows: by so many packets for each that arrives, sent within a half round trip. A
// large window grows more slowly, as what goes beyond the path's capacity is lost.
constexpr std::size_t startup_growth = 2, large_window_growth = 1, large_window = 512;
constexpr double startup_spread = 2;
// So much more than the shortest round trip is a queue (RFC 9406, HyStart++).
constexpr Span min_queue = 4ms, max_queue = 16ms;
constexpr int queue_part = 8;
constexpr unsigned lately = 2;  // acknowledgements, of which the shortest round trip counts
constexpr std::uint64_t bandwidth_rounds = 10;
constexpr int extra_acked_rounds = 5;
constexpr double max_extra_seconds = 0.1;
constexpr Span min_rtt_window = 10s, probe_rtt_time = 200ms;
// Hosts take about this long to notice and answer packets; a model of less would starve the path.
constexpr Span min_rtt_floor = 1ms;
constexpr std::size_t initial_payload_bytes = 1132;

}  // namespace

Bbr::Bbr()
    : window_cap_(no_window_cap),
      pacing_rate_(initial_window * 1000. * initial_payload_bytes * high_gain * pacing_margin) {}

double Bbr::pacing_gain() const {
    switch (phase_) {
        case Phase::startup:
            return high_gain;
        case Phase::drain:
            return 1 / high_gain;
        case Phase::probe_bandwidth:
            return restarting_ ? 1 : cycle_gains[cycle_];
        case Phase::probe_round_trip:
            break;
    }
    return 1;
}

double Bbr::window_gain() const {
    if (phase_ == Phase::probe_bandwidth) return 2;
    return phase_ == Phase::probe_round_trip ? 0.5 : high_gain;
}

std::size_t Bbr::bandwidth_delay(double gain) const {
    if (!min_rtt_) return initial_window;
    const double packets = bandwidth() * Seconds(*min_rtt_).count() * gain;
    return std::max<std::size_t>(1, static_cast<std::size_t>(packets));
}

void Bbr::save_window(Recovery from) {
    const bool fresh = from == Recovery::open && phase_ != Phase::probe_round_trip;
    saved_window_ = fresh ? window_ : std::max(saved_window_, window_);
}

void Bbr::on_timeout(Recovery from, std::size_t in_flight) {
    save_window(from);
    previous_ = Recovery::loss;
    full_bandwidth_ = 0;
    round_start_ = true;
    window_ = in_flight + 1;
}

void Bbr::on_restart(Time now) {
    restarting_ = true;
    epoch_start_ = now;
    epoch_acked_ = 0;
}

void Bbr::on_ack(const Ack& ack, DeliveryRate& rate) {
    update_bandwidth(ack, rate);
    update_aggregation(ack, rate);
    update_cycle(ack, rate);
    check_full_pipe(ack);
    check_drain(ack, rate);
    update_min_rtt(ack, rate);
    set_pacing_rate(ack);
    set_window(ack);
}

void Bbr::update_bandwidth(const Ack& ack, const DeliveryRate& rate) {
    round_start_ = false;
    if (!ack.sample.usable) return;
    if (ack.sample.prior_delivered >= next_round_) {
        next_round_ = rate.delivered();
        ++round_;
        round_start_ = true;
    }
    const double measured =
        static_cast<double>(ack.sample.delivered) / Seconds(ack.sample.interval).count();
    if (!ack.sample.app_limited || measured >= bandwidth())
        bandwidth_.update(measured, round_, bandwidth_rounds);
}

void Bbr::update_aggregation(const Ack& ack, const DeliveryRate& rate) {
    if (!ack.sample.usable || ack.acked == 0) return;
    if (round_start_ && ++extra_rounds_ >= extra_acked_rounds) {
        extra_rounds_ = 0;
        extra_slot_ ^= 1;
        extra_acked_[extra_slot_] = 0;
    }
    double expected = bandwidth() * Seconds(rate.delivered_at() - epoch_start_).count();
    if (epoch_acked_ <= expected) {
        epoch_acked_ = 0;
        epoch_start_ = rate.delivered_at();
        expected = 0;
    }
    epoch_acked_ += static_cast<double>(ack.acked);
    const double extra = std::min(epoch_acked_ - expected, static_cast<double>(window_));
    std::size_t& slot = extra_acked_[extra_slot_];
    slot = std::max(slot, static_cast<std::size_t>(std::max(0., extra)));
}

void Bbr::start_cycle(int index, Time at) {
    cycle_ = index;
    cycle_start_ = at;
}

void Bbr::update_cycle(const Ack& ack, const DeliveryRate& rate) {
    if (phase_ != Phase::probe_bandwidth) return;
    const bool full = rate.delivered_at() - cycle_start_ > min_rtt_.value_or(Span::zero());
    const double gain = cycle_gains[cycle_];
    bool step = full;
    if (gain > 1) step = full && (ack.lost > 0 || ack.in_flight >= bandwidth_delay(gain));
    if (gain < 1) step = full || ack.in_flight <= bandwidth_delay(1);
    if (step) start_cycle((cycle_ + 1) % cycle_length, rate.delivered_at());
}

// A model of bandwidth and delay does not know how short the queues on the way are; a sender that
// overruns them sends much of what it sends twice. True at the end of such a round.
bool Bbr::check_overflow(const Ack& ack) {
    lost_in_round_ += ack.lost;
    acked_in_round_ += ack.acked;
    most_in_flight_ = std::max(most_in_flight_, ack.in_flight + ack.acked + ack.lost);
    const bool floods = phase_ == Phase::startup && lost_in_round_ >= min_overflow &&
                        lost_in_round_ * 8 > most_in_flight_;
    if (!round_start_ && !floods) return false;
    const bool overflows = lost_in_round_ >= min_overflow && lost_in_round_ * 8 > acked_in_round_;
    const bool clean = lost_in_round_ * 16 <= acked_in_round_;
    if (clean && window_cap_ < no_window_cap) window_cap_ += window_cap_ / 8 + 1;
    const bool anew = overflows && round_ > overflowed_until_;
    if (anew) {
        window_cap_ = std::max(min_window_cap, most_in_flight_ * 7 / 10);
        overflowed_until_ = round_ + 1;  // what is out already will be lost as well
    }
    lost_in_round_ = acked_in_round_ = most_in_flight_ = 0;
    return anew;
}

void Bbr::check_full_pipe(const Ack& ack) {
    if (check_overflow(ack)) full_rounds_ = full_pipe_rounds;
    if (pipe_full() || !round_start_ || ack.sample.app_limited) return;
    if (bandwidth() >= full_bandwidth_ * full_pipe_growth) {
        full_bandwidth_ = bandwidth();
        full_rounds_ = 0;
    } else {
        ++full_rounds_;
    }
}

void Bbr::check_drain(const Ack& ack, const DeliveryRate& rate) {
    if (phase_ == Phase::startup && pipe_full()) phase_ = Phase::drain;
    if (phase_ == Phase::drain && ack.in_flight <= bandwidth_delay(1)) {
        phase_ = Phase::probe_bandwidth;
        start_cycle(first_cycle, rate.delivered_at());
    }
}

void Bbr::update_min_rtt(const Ack& ack, DeliveryRate& rate) {
    const bool expired = min_rtt_ && ack.now > min_rtt_at_ + min_rtt_window;
    if (ack.rtt) {
        note_lately(*ack.rtt);
        const Span rtt = std::max(*ack.rtt, min_rtt_floor);
        if (!min_rtt_ || rtt <= *min_rtt_ || expired) {
            min_rtt_ = rtt;
            min_rtt_at_ = ack.now;
        }
    }
    if (expired && !restarting_ && phase_ != Phase::probe_round_trip) {
        save_window(ack.recovery);
        phase_ = Phase::probe_round_trip;
        probe_rtt_until_.reset();
    }
    if (phase_ == Phase::probe_round_trip) probe_round_trip(ack, rate);
    if (ack.acked > 0) restarting_ = false;
}

void Bbr::probe_round_trip(const Ack& ack, DeliveryRate& rate) {
    rate.limit_by_app(ack.in_flight);
    if (!probe_rtt_until_) {
        if (ack.in_flight > probe_window()) return;
        probe_rtt_until_ = ack.now + probe_rtt_time;
        probe_rtt_round_done_ = false;
        next_round_ = rate.delivered();
        return;
    }
    if (round_start_) probe_rtt_round_done_ = true;
    if (!probe_rtt_round_done_ || ack.now <= *probe_rtt_until_) return;
    min_rtt_at_ = ack.now;
    window_ = std::max(window_, saved_window_);
    phase_ = pipe_full() ? Phase::probe_bandwidth : Phase::startup;
    if (phase_ == Phase::probe_bandwidth) start_cycle(first_cycle, ack.now);
}

void Bbr::set_pacing_rate(const Ack& ack) {
    const double payload = static_cast<double>(ack.payload_bytes);
    if (!spread_ && ack.smoothed_rtt) {
        spread_ = true;
        window_ = std::max(window_, spread_window);
    }
    double packets = bandwidth() * pacing_gain();
    if (phase_ == Phase::startup && ack.smoothed_rtt) {
        const double clocked = static_cast<double>(window_) / Seconds(*ack.smoothed_rtt).count();
        packets = crowded() ? clocked : std::max(packets, clocked * startup_spread);
    }
    if (ack.acked > 0) pacing_rate_ = std::max(1000., packets * payload * pacing_margin);
}

// In two halves, the older of which is whole.
void Bbr::note_lately(Span rtt) {
    if (lately_acks_++ % lately == 0) {
        before_lately_ = lately_;
        lately_ = rtt;
    }
    lately_ = std::min(lately_, rtt);
}

// A single packet that takes long says nothing of queues.
bool Bbr::crowded() const {
    if (!min_rtt_ || lately_acks_ <= lately) return false;
    const Span queue = std::clamp<Span>(*min_rtt_ / queue_part, min_queue, max_queue);
    return std::min(lately_, before_lately_) > *min_rtt_ + queue;
}

// Half of what the path holds is enough to empty its queues (BBR version 2).
std::size_t Bbr::probe_window() const {
    return std::max(min_window, bandwidth_delay(window_gain()));
}

void Bbr::set_window(const Ack& ack) {
    if (previous_ == Recovery::loss && ack.recovery == Recovery::open)
        window_ = std::max(window_, saved_window_);
    previous_ = ack.recovery;
    if (ack.acked > 0) {
        if (pipe_full()) {
            std::size_t target = bandwidth_delay(window_gain());
            const double most = bandwidth() * max_extra_seconds;
            const std::size_t extra = std::max(extra_acked_[0], extra_acked_[1]);
            target += std::min(extra, static_cast<std::size_t>(most));
            window_ = std::min(window_ + ack.acked, target);
        } else if (!crowded() && 2 * (ack.in_flight + ack.acked) >= window_) {
            window_ += ack.acked * (window_ < large_window ? startup_growth : large_window_growth);
        }
        window_ = std::max(std::min(window_, window_cap_), min_window);
    }
    if (phase_ == Phase::probe_round_trip) window_ = std::min(window_, probe_window());
}

}  // namespace kp2p::proto::udx
