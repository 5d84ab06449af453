#include "proto/punch/budget.hpp"

namespace kp2p::proto::punch {

Budget::Permit Budget::punch(const NodeId& peer) {
    Permit permit;
    if (punches_ >= max_punches) return permit;
    std::size_t& of_peer = peers_[peer];
    if (of_peer >= max_punches_of_peer) return permit;
    of_peer++;
    punches_++;
    permit.budget_ = this;
    permit.peer_ = peer;
    return permit;
}

Budget::Permit Budget::heavy() {
    Permit permit;
    if (heavy_ >= max_heavy) return permit;
    heavy_++;
    permit.budget_ = this;
    return permit;
}

Budget::Permit::~Permit() {
    if (!budget_) return;
    if (!peer_) {
        budget_->heavy_--;
        return;
    }
    budget_->punches_--;
    const auto found = budget_->peers_.find(*peer_);
    if (--found->second == 0) budget_->peers_.erase(found);
}

}  // namespace kp2p::proto::punch
