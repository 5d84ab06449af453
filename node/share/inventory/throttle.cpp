#include "node/share/inventory/throttle.hpp"

#include <algorithm>

namespace kp2p {
namespace {

// What may move at once after a pause; also how late who asks again may come without loss.
constexpr double burst_seconds = 0.25;
constexpr std::chrono::seconds asker_span{1};

}  // namespace

// A place in the line, for as long as this lives.
class Throttle::Turn {
  public:
    Turn(Throttle& all, const NodeId& whose, std::size_t bytes) : all_(all) {
        double& last = all.last_[whose];
        last = std::max(last, all.served_) + static_cast<double>(bytes);
        at_ = all.turns_.emplace(last, whose);
    }
    Turn(const Turn&) = delete;
    ~Turn() {
        all_.turns_.erase(at_);
        all_.forget_served();
        all_.changed_.notify_all();
    }
    bool is_first() const { return all_.turns_.begin() == at_; }
    double through() const { return at_->first; }

  private:
    Throttle& all_;
    Turns::iterator at_;
};

Throttle::Throttle(Runtime& runtime)
    : runtime_(runtime),
      changed_(runtime.executor),
      refilled_(runtime.clock.alarm(runtime.executor, [this] { changed_.notify_all(); })) {}

void Throttle::set(proto::RateTable::Rate rate) {
    if (rate == rate_) return;
    rate_ = rate;
    bucket_.reset();
    if (rate) {
        const double per_second = static_cast<double>(*rate);
        bucket_.emplace(runtime_.clock.now(),
                        proto::TokenBucket::Limits{per_second, per_second * burst_seconds});
    }
    changed_.notify_all();
}

Task<Result<void>> Throttle::take(NodeId whose, std::size_t bytes) {
    if (!bucket_) co_return ok;
    const Turn turn(*this, whose, bytes);
    while (bucket_) {
        if (turn.is_first()) {
            if (bucket_->left(runtime_.clock.now()) > 0) {
                bucket_->pay(static_cast<double>(bytes));
                served_ = std::max(served_, turn.through() - static_cast<double>(bytes));
                break;
            }
            wake_at_refill();
        }
        auto woken = co_await changed_.wait();
        if (!woken) co_return woken;
    }
    co_return ok;
}

bool Throttle::try_take(const void* whose, std::size_t bytes) {
    return try_take(std::vector<Throttle*>{this}, whose, bytes);
}

bool Throttle::try_take(const std::vector<Throttle*>& all, const void* whose, std::size_t bytes) {
    for (Throttle* throttle : all)
        if (!throttle->ask(whose)) return false;
    for (Throttle* throttle : all) throttle->pay(whose, bytes);
    return true;
}

bool Throttle::ask(const void* whose) {
    if (!bucket_) return true;
    const auto now = runtime_.clock.now();
    std::erase_if(askers_, [&](const Asker& asker) { return now - asker.seen > asker_span; });
    const auto own = std::ranges::find(askers_, whose, &Asker::whose);
    const bool first = askers_.empty() || own == askers_.begin();
    if (first && bucket_->left(now) > 0) return true;
    if (own != askers_.end())
        own->seen = now;
    else
        askers_.push_back({whose, now});
    return false;
}

void Throttle::pay(const void* whose, std::size_t bytes) {
    if (!bucket_) return;
    bucket_->pay(static_cast<double>(bytes));
    std::erase_if(askers_, [&](const Asker& asker) { return asker.whose == whose; });
}

// A peer that waits for nothing has no advantage of what it took before, and no debt either.
void Throttle::forget_served() {
    if (turns_.empty()) {
        last_.clear();
        served_ = 0;
    } else {
        std::erase_if(last_, [this](const auto& entry) { return entry.second <= served_; });
    }
}

void Throttle::wake_at_refill() {
    const auto now = runtime_.clock.now();
    const std::chrono::duration<double> span(-bucket_->left(now) / static_cast<double>(*rate_));
    refilled_->set(now + std::chrono::ceil<Clock::Span>(span) + Clock::Span(1));
}

}  // namespace kp2p
