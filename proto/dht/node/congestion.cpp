#include "proto/dht/node/congestion.hpp"

namespace kp2p::proto::dht {

void CongestionWindow::sent(Time now) {
    advance(now);
    ++slots_[current_];
    ++total_;
}

void CongestionWindow::ended(Time now) {
    advance(now);
    if (slots_[current_] == 0) return;
    --slots_[current_];
    --total_;
}

bool CongestionWindow::full(Time now) {
    advance(now);
    return total_ >= total_limit || slots_[current_] >= slot_limit;
}

void CongestionWindow::advance(Time now) {
    // After as many steps as there are slots all are empty; the rest is a jump.
    for (std::size_t i = 0; i < slots_.size() && now >= next_slot_; ++i) {
        current_ = (current_ + 1) % slots_.size();
        total_ -= slots_[current_];
        slots_[current_] = 0;
        next_slot_ += slot;
    }
    if (now >= next_slot_) next_slot_ = now + slot;
}

}  // namespace kp2p::proto::dht
