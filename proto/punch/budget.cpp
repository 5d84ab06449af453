#include "proto/punch/budget.hpp"

namespace kp2p::proto::punch {

bool Budget::full(Role role) const {
    return punches_ >= max_punches || (role == Role::responder && served_ >= max_served);
}

bool Budget::full(const NodeId& peer, Role role) const {
    const auto found = uses_.find({peer, role});
    return found != uses_.end() && found->second >= max_punches_of_peer;
}

Budget::Permit Budget::punch(const NodeId& peer, Role role) {
    Permit permit;
    if (full(role) || full(peer, role)) return permit;
    permit.budget_ = this;
    permit.use_ = Use{peer, role};
    uses_[*permit.use_]++;
    punches_++;
    if (role == Role::responder) served_++;
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
    if (!use_) {
        budget_->heavy_--;
        return;
    }
    budget_->punches_--;
    if (use_->second == Role::responder) budget_->served_--;
    const auto found = budget_->uses_.find(*use_);
    if (--found->second == 0) budget_->uses_.erase(found);
}

}  // namespace kp2p::proto::punch
