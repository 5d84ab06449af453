// MtuSearch: finds how large a packet the path takes, counting the IP header: starts where almost
// every path works and pads data packets in steps, so a lost probe loses no more than padding.
// Source: npm udx-native 1.21.3; but that a path may be narrower still.
#pragma once

#include <cstddef>
#include <optional>

namespace kp2p::proto::udx {

class MtuSearch {
  public:
    static constexpr std::size_t least_bytes = 576, base_bytes = 1200, internet_bytes = 1500;

    // Searches up to `max_bytes`, at most internet_bytes.
    explicit MtuSearch(std::size_t max_bytes);

    std::size_t mtu_bytes() const { return mtu_; }
    bool complete() const { return state_ == State::complete; }

    // A packet has arrived, so the path works and probing may start.
    void on_first_delivery();
    // The size to pad a packet of `packet_bytes` to, if it should be a probe. Where there is much
    // to send the search does not go in small steps, unless a large one fails.
    std::optional<std::size_t> next_probe(std::size_t packet_bytes, bool much_to_send);
    void on_probe_delivered(std::size_t probe_bytes);
    void on_probe_lost();
    // What was found may hold no longer, and if that was no more than the base, not even this.
    void start_anew();

  private:
    enum class State { base, searching, complete };

    State state_ = State::base;
    std::size_t mtu_ = base_bytes, max_, probe_ = base_bytes;
    bool wanted_ = false, leaps_ = true;
    int sent_ = 0;  // probes of this size
};

}  // namespace kp2p::proto::udx
