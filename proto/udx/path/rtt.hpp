// RoundTrip: how long the path takes, and how long to wait before calling it silent.
// Source: npm udx-native 1.21.3; RFC 6298 with a floor of one second.
#pragma once

#include <functional>
#include <optional>

#include "proto/udx/packet.hpp"
#include "proto/udx/path/windowed.hpp"

namespace kp2p::proto::udx {

class RoundTrip {
  public:
    // How long packets took that arrived together and were never retransmitted.
    void sample(Time now, Span longest, Span shortest);

    bool known() const { return known_; }
    Span smoothed() const { return smoothed_; }
    Span timeout() const { return timeout_; }
    // What an answer takes at most on a path that behaves.
    Span patience() const { return 2 * smoothed_ + 4 * variation_; }
    Span minimum() const { return minimum_.empty() ? Span::zero() : minimum_.best(); }

  private:
    bool known_ = false;
    Span smoothed_{}, variation_{};
    Span timeout_ = std::chrono::seconds(1);
    WindowedBest<Span, Time, std::less<>> minimum_;
};

}  // namespace kp2p::proto::udx
