// Bbr: congestion control from a model of the path: its bandwidth (the best delivery rate of the
// last rounds) and its round trip (the shortest of the last ten seconds). Gives a window in packets
// and a pacing rate. Fed once for each acknowledgement.
// Source: npm udx-native 1.21.3, a variant of BBR version 1 that counts packets. Unlike there,
// packets that are lost here and there do not shrink the window, as random loss says nothing of the
// path's capacity, while a round that loses much of what it sent bounds what may be out; it begins
// faster and stops growing at the first sign of a queue (RFC 9406); and it looks for the shortest
// round trip with half a window, as version 2 does.
#pragma once

#include <functional>
#include <optional>

#include "proto/udx/path/delivery_rate.hpp"
#include "proto/udx/path/windowed.hpp"

namespace kp2p::proto::udx {

enum class Recovery { open, recovery, loss };  // nothing missing; gaps known; timed out

class Bbr {
  public:
    Bbr();

    struct Ack {
        Time now{};
        std::size_t acked = 0, lost = 0;  // packets, by this acknowledgement
        std::size_t in_flight = 0;        // after it
        RateSample sample;
        std::optional<Span> rtt;  // shortest of the newly acknowledged packets
        std::optional<Span> smoothed_rtt;
        Recovery recovery = Recovery::open;
        std::size_t payload_bytes = 0;  // of a full packet
    };
    void on_ack(const Ack& ack, DeliveryRate& rate);
    void on_timeout(Recovery from, std::size_t in_flight);
    // The first packet after the application had nothing to send.
    void on_restart(Time now);

    std::size_t window_packets() const { return window_; }
    double pacing_bytes_per_second() const { return pacing_rate_; }

  private:
    enum class Phase { startup, drain, probe_bandwidth, probe_round_trip };
    using Seconds = std::chrono::duration<double>;

    void update_bandwidth(const Ack& ack, const DeliveryRate& rate);
    void update_aggregation(const Ack& ack, const DeliveryRate& rate);
    void update_cycle(const Ack& ack, const DeliveryRate& rate);
    bool check_overflow(const Ack& ack);
    void check_full_pipe(const Ack& ack);
    void check_drain(const Ack& ack, const DeliveryRate& rate);
    void update_min_rtt(const Ack& ack, DeliveryRate& rate);
    void probe_round_trip(const Ack& ack, DeliveryRate& rate);
    void set_pacing_rate(const Ack& ack);
    void set_window(const Ack& ack);
    void note_lately(Span rtt);
    bool crowded() const;  // a queue has built up on the way
    std::size_t probe_window() const;
    void start_cycle(int index, Time at);
    void save_window(Recovery from);
    double bandwidth() const { return bandwidth_.empty() ? 0 : bandwidth_.best(); }
    double pacing_gain() const;
    double window_gain() const;
    std::size_t bandwidth_delay(double gain) const;
    static constexpr int full_pipe_rounds = 3;  // without growth
    bool pipe_full() const { return full_rounds_ >= full_pipe_rounds; }

    Phase phase_ = Phase::startup;
    WindowedBest<double, std::uint64_t, std::greater<>> bandwidth_;  // packets a second
    std::uint64_t round_ = 0, next_round_ = 0;
    bool round_start_ = false;
    double full_bandwidth_ = 0;
    int full_rounds_ = 0;
    std::size_t lost_in_round_ = 0, acked_in_round_ = 0, most_in_flight_ = 0;
    std::size_t window_cap_;  // what queues on the way were seen to hold
    int cycle_ = 0;
    Time cycle_start_{};
    std::optional<Span> min_rtt_;
    Time min_rtt_at_{};
    Span lately_{}, before_lately_{};  // the shortest of the last few acknowledgements
    unsigned lately_acks_ = 0;
    std::optional<Time> probe_rtt_until_;
    bool probe_rtt_round_done_ = false;
    bool restarting_ = false;
    Recovery previous_ = Recovery::open;
    std::size_t window_ = 10, saved_window_ = 10;
    double pacing_rate_;
    bool spread_ = false;                 // the first flight over the round trip
    std::uint64_t overflowed_until_ = 0;  // round
    // Acknowledgements that arrive in lumps: how many more than the bandwidth explains.
    Time epoch_start_{};
    double epoch_acked_ = 0;
    std::size_t extra_acked_[2] = {0, 0};
    int extra_slot_ = 0;
    int extra_rounds_ = 0;
};

}  // namespace kp2p::proto::udx
