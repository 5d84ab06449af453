#include "proto/udx/path/delivery_rate.hpp"

#include <algorithm>
#include <tuple>

namespace kp2p::proto::udx {

void DeliveryRate::limit_by_app(std::size_t in_flight) {
    app_limited_until_ = std::max<std::uint64_t>(1, delivered_ + in_flight);
}

void DeliveryRate::on_send(SentPacket& packet, Time now, bool nothing_out) {
    if (nothing_out) first_sent_at_ = delivered_at_ = now;
    packet.sent_at = now;
    packet.sent_there = true;
    packet.delivered = delivered_;
    packet.delivered_at = delivered_at_;
    packet.first_sent_at = first_sent_at_;
    packet.app_limited = app_limited_until_ != 0;
}

void DeliveryRate::on_delivered(const SentPacket& packet) {
    ++delivered_;
    if (newest_.known &&
        std::tie(packet.sent_at, packet.seq) < std::tie(newest_.sent_at, newest_.seq))
        return;
    newest_ = {.known = true,
               .sent_at = packet.sent_at,
               .seq = packet.seq,
               .delivered = packet.delivered,
               .delivered_at = packet.delivered_at,
               .send_interval = packet.sent_at - packet.first_sent_at,
               .app_limited = packet.app_limited};
    first_sent_at_ = packet.sent_at;
}

RateSample DeliveryRate::take(Time now, Span min_rtt) {
    if (app_limited_until_ && delivered_ > app_limited_until_) app_limited_until_ = 0;
    RateSample sample;
    if (!newest_.known) return sample;
    delivered_at_ = now;
    sample.prior_delivered = newest_.delivered;
    sample.delivered = delivered_ - newest_.delivered;
    sample.interval = std::max(newest_.send_interval, now - newest_.delivered_at);
    sample.usable = sample.interval > Span::zero() && sample.interval >= min_rtt;
    sample.app_limited = newest_.app_limited;
    newest_ = {};
    return sample;
}

}  // namespace kp2p::proto::udx
