#include "proto/dht/node/nat_sampler.hpp"

namespace kp2p::proto::dht {
namespace {

constexpr std::size_t lookback = 4;

// How many samples may disagree.
int tolerated(int samples) { return samples < 4 ? 0 : samples < 8 ? 1 : samples < 12 ? 2 : 3; }

}  // namespace

NatSampler::Shared NatSampler::find(const Endpoint& address, std::size_t back) {
    for (std::size_t i = 0; i < lookback; ++i) {
        const std::size_t j = (top_ + 2 * slot_count - back - 2 * i) % slot_count;
        if (j >= filled_) break;
        if (slots_[j]->address != address) continue;
        ++slots_[j]->hits;
        return slots_[j];
    }
    return std::make_shared<Entry>(Entry{address, 1});
}

void NatSampler::add(const Endpoint& seen) {
    const Shared exact = find(seen, 2);
    const Shared host = find(Endpoint{seen.host, 0}, 1);
    if (filled_ < slot_count) {
        filled_ += 2;
    } else {
        if (top_ == slot_count) top_ = 0;
        --slots_[top_]->hits;
        --slots_[top_ + 1]->hits;
    }
    slots_[top_++] = exact;
    slots_[top_++] = host;

    if (!best_exact_ || exact->hits > best_exact_->hits) best_exact_ = exact;
    if (!best_host_ || host->hits > best_host_->hits) best_host_ = host;
    const int samples = static_cast<int>(filled_ / 2);
    const int needed = samples - tolerated(samples);
    if (best_exact_->hits >= needed)
        address_ = best_exact_->address;
    else if (best_host_->hits >= needed)
        address_ = best_host_->address;
    else
        address_.reset();
}

}  // namespace kp2p::proto::dht
