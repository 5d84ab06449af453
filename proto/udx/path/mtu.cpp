#include "proto/udx/path/mtu.hpp"

#include <algorithm>

#include "proto/udx/packet.hpp"

namespace kp2p::proto::udx {
namespace {

constexpr std::size_t step_bytes = 32;
constexpr int max_probes = 3;

}  // namespace

MtuSearch::MtuSearch(std::size_t max_bytes) : max_(std::min(max_bytes, internet_bytes)) {
    if (max_ <= base_bytes) state_ = State::complete;
}

void MtuSearch::on_first_delivery() {
    if (state_ != State::base) return;
    state_ = State::searching;
    wanted_ = true;
}

std::optional<std::size_t> MtuSearch::next_probe(std::size_t packet_bytes, bool much_to_send) {
    if (state_ != State::searching || !wanted_) return {};
    const std::size_t leap = std::min(max_, packet_bytes + max_extension_bytes);
    if (much_to_send && leaps_ && leap > probe_) {
        probe_ = leap;
        sent_ = 0;
    }
    if (packet_bytes > probe_ || probe_ - packet_bytes > max_extension_bytes) return {};
    wanted_ = false;
    ++sent_;
    return probe_;
}

void MtuSearch::on_probe_delivered(std::size_t probe_bytes) {
    if (state_ != State::searching || probe_bytes != probe_) return;
    mtu_ = std::max(mtu_, probe_);
    sent_ = 0;
    if (mtu_ >= max_) {
        state_ = State::complete;
    } else {
        probe_ = std::min(probe_ + step_bytes, max_);
        wanted_ = true;
    }
}

void MtuSearch::on_probe_lost() {
    if (state_ != State::searching) return;
    wanted_ = true;
    if (sent_ < max_probes) return;
    if (probe_ > mtu_ + step_bytes) {
        leaps_ = false;
        probe_ = mtu_ + step_bytes;
        sent_ = 0;
    } else {
        state_ = State::complete;
    }
}

void MtuSearch::start_anew() {
    state_ = State::base;
    mtu_ = probe_ = mtu_ > base_bytes ? base_bytes : least_bytes;
    wanted_ = false;
    leaps_ = true;
    sent_ = 0;
}

}  // namespace kp2p::proto::udx
