// The window that bounds how fast requests leave: at most 80 unanswered in a slot of 750 ms and 160
// in the last four. Slots advance by the time passed in, so an idle node needs no timer.
// Source: npm dht-rpc 6.27.0 (lib/io.js).
#pragma once

#include <array>

#include "proto/dht/time.hpp"

namespace kp2p::proto::dht {

class CongestionWindow {
  public:
    static constexpr Span slot = std::chrono::milliseconds(750);
    static constexpr unsigned slot_limit = 80, total_limit = 160;

    explicit CongestionWindow(Time start) : next_slot_(start + slot) {}

    void sent(Time now);
    void ended(Time now);  // a request was answered or given up
    bool full(Time now);
    Time next_slot() const { return next_slot_; }  // when a full window may have room again

  private:
    void advance(Time now);

    std::array<unsigned, 4> slots_{};
    std::size_t current_ = 0;
    unsigned total_ = 0;
    Time next_slot_;
};

}  // namespace kp2p::proto::dht
