#include "node/share/inventory/rates.hpp"

#include <ctime>

namespace kp2p {
namespace {

std::tm local_time(const Runtime& runtime) {
    const std::time_t now = Clock::WallTime::clock::to_time_t(runtime.clock.wall_now());
    std::tm local{};
    ::localtime_r(&now, &local);
    return local;
}

}  // namespace

Rates::Rates(Runtime& runtime)
    : runtime_(runtime),
      up_(runtime),
      down_(runtime),
      next_(runtime.clock.alarm(runtime.executor, [this] { apply(); })) {}

void Rates::set(proto::RateLimits limits) {
    limits_ = std::move(limits);
    apply();
}

Rates::Now Rates::now() const {
    const std::tm local = local_time(runtime_);
    const int minute = (local.tm_wday * 24 + local.tm_hour) * 60 + local.tm_min;
    return {limits_.up.at(minute), limits_.down.at(minute)};
}

// Each minute, as the machine may sleep, and its calendar may be set.
void Rates::apply() {
    const Now rates = now();
    up_.set(rates.up);
    down_.set(rates.down);
    next_->clear();
    if (!limits_.up.changes() && !limits_.down.changes()) return;
    const int past_seconds = std::min(local_time(runtime_).tm_sec, 59);
    next_->set(runtime_.clock.now() + std::chrono::seconds(60 - past_seconds));
}

}  // namespace kp2p
