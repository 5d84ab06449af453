#include "proto/punch/side.hpp"

#include <utility>

namespace kp2p::proto::punch {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds budget_wait{5};
// The second, where the way is short, and the last, where it is long, come to a client when its NAT
// has just been told to let them in.
constexpr std::chrono::milliseconds knocks_after[] = {0ms, 25ms, 50ms, 100ms, 200ms, 400ms};
static_assert(std::size(knocks_after) == Knocks::most);

}  // namespace

std::optional<Knock> Knocks::next(Time now, Budget& budget) {
    const auto due = deadline();
    if (!due || now < *due) return std::nullopt;
    sent_++;
    if (!budget.spend_probe(now)) return std::nullopt;
    return Knock{to_};
}

std::optional<Time> Knocks::deadline() const {
    if (sent_ == most) return std::nullopt;
    return began_ + knocks_after[sent_];
}

void tell(dht::HolepunchPayload& payload, const OwnNat& ours, const RemoteNat& theirs) {
    const NatKind kind = ours.kind();
    const bool foretell =
        kind.sequential() && (!theirs.kind().random() || theirs.foreseen().sequential());
    payload.firewall = foretell ? Firewall::consistent : kind.firewall;
    payload.addresses = foretell ? ours.foretold() : ours.addresses();
    // Who does not say itself that its ports follow each other is a hyperdht: from a NAT that it
    // takes for a random one it sends to the first address alone.
    if (foretell && theirs.kind().random() && !theirs.kind().sequential())
        payload.addresses = {(*payload.addresses)[Plan::meeting_sockets / 2 - 1]};
}

std::optional<Failure> Punching::begin(Time now, const Plan::Setup& setup) {
    if (plan_ && ours_ == setup.ours && theirs_ == setup.theirs) return std::nullopt;
    if (sent_ >= max_probes) return Failure::no_hole;
    auto plan = Plan::make(now, setup);
    if (!plan) {
        const bool random = setup.ours.random() && setup.theirs.random();
        return random ? Failure::both_random : Failure::refused;
    }
    if (plan->heavy() && !heavy_) {
        heavy_ = budget_.heavy();
        if (!heavy_) return Failure::busy;
    }
    if (!plan->heavy()) heavy_ = Budget::Permit();
    plan_ = std::move(plan);
    way_ = plan_->way();
    ours_ = setup.ours;
    theirs_ = setup.theirs;
    return std::nullopt;
}

std::optional<Time> Punching::due() const {
    if (sent_ >= max_probes) return std::nullopt;
    return plan_->deadline();
}

std::optional<Probe> Punching::next(Time now) {
    if (!plan_ || now < wait_) return std::nullopt;
    const auto due = this->due();
    if (!due || *due > now) return std::nullopt;
    if (!budget_.spend_probe(now)) {
        wait_ = now + budget_wait;
        return std::nullopt;
    }
    sent_++;
    return plan_->next();
}

std::optional<Time> Punching::deadline() const {
    if (!plan_) return std::nullopt;
    return std::max(due().value_or(plan_->ends()), wait_);
}

}  // namespace kp2p::proto::punch
