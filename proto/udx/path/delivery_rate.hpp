// DeliveryRate: how fast packets get through, measured from one acknowledgement to the next.
// Source: npm udx-native 1.21.3, after draft-cheng-iccrg-delivery-rate-estimation.
#pragma once

#include "proto/udx/flight.hpp"

namespace kp2p::proto::udx {

struct RateSample {
    std::uint64_t prior_delivered = 0;  // the count when the newest acknowledged packet was sent
    std::uint64_t delivered = 0;        // packets since then
    Span interval{};
    bool usable = false;
    bool app_limited = false;  // the sender had less to send than the path could take
};

class DeliveryRate {
  public:
    // Before packets are sent: the stream has too little to send. Makes samples app limited until
    // what is out now is delivered.
    void limit_by_app(std::size_t in_flight);
    bool app_limited() const { return app_limited_until_ != 0; }

    void on_send(SentPacket& packet, Time now, bool nothing_out);
    void on_delivered(const SentPacket& packet);
    // The sample of what was delivered since the last call.
    RateSample take(Time now, Span min_rtt);

    std::uint64_t delivered() const { return delivered_; }
    Time delivered_at() const { return delivered_at_; }

  private:
    std::uint64_t delivered_ = 0;
    Time delivered_at_{}, first_sent_at_{};
    std::uint64_t app_limited_until_ = 1;

    struct Newest {
        bool known = false;
        Time sent_at{};
        std::uint64_t seq = 0;
        std::uint64_t delivered = 0;
        Time delivered_at{};
        Span send_interval{};
        bool app_limited = false;
    } newest_;  // the packet sent last among those delivered since take()
};

}  // namespace kp2p::proto::udx
