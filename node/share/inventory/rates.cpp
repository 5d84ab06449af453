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
      all_(runtime),
      next_(runtime.clock.alarm(runtime.executor, [this] { apply(); })) {}

void Rates::set(proto::RateLimits limits, const std::vector<proto::ChannelLimit>& channels) {
    limits_ = std::move(limits);
    for (auto& [name, channel] : channels_) channel.up_table = channel.down_table = {};
    for (const proto::ChannelLimit& limit : channels) {
        auto found = channels_.find(limit.name);
        if (found == channels_.end())
            found = channels_
                        .emplace(std::piecewise_construct, std::forward_as_tuple(limit.name),
                                 std::forward_as_tuple(runtime_))
                        .first;
        found->second.up_table = limit.up;
        found->second.down_table = limit.down;
    }
    apply();
}

int Rates::minute() const {
    const std::tm local = local_time(runtime_);
    return (local.tm_wday * 24 + local.tm_hour) * 60 + local.tm_min;
}

Rates::Now Rates::now() const { return {limits_.up.at(minute()), limits_.down.at(minute())}; }

Rates::Now Rates::now(const proto::ChannelLimit& limit) const {
    return {limit.up.at(minute()), limit.down.at(minute())};
}

std::vector<Throttle*> Rates::up(Place place, const Names& channels) {
    return which(&Pair::up, place, channels);
}

std::vector<Throttle*> Rates::down(Place place, const Names& channels) {
    return which(&Pair::down, place, channels);
}

std::vector<Throttle*> Rates::which(Throttle Pair::*way, Place place, const Names& channels) {
    std::vector<Throttle*> throttles;
    if (place == Place::lan && !limits_.in_lan) return throttles;
    for (auto& [name, channel] : channels_)
        if (channels.contains(name) && (channel.pair.*way).limits())
            throttles.push_back(&(channel.pair.*way));
    if ((all_.*way).limits()) throttles.push_back(&(all_.*way));
    return throttles;
}

// Each minute, as the machine may sleep, and its calendar may be set.
void Rates::apply() {
    const int at = minute();
    all_.up.set(limits_.up.at(at));
    all_.down.set(limits_.down.at(at));
    bool changes = limits_.up.changes() || limits_.down.changes();
    for (auto& [name, channel] : channels_) {
        channel.pair.up.set(channel.up_table.at(at));
        channel.pair.down.set(channel.down_table.at(at));
        changes = changes || channel.up_table.changes() || channel.down_table.changes();
    }
    next_->clear();
    if (!changes) return;
    const int past_seconds = std::min(local_time(runtime_).tm_sec, 59);
    next_->set(runtime_.clock.now() + std::chrono::seconds(60 - past_seconds));
}

}  // namespace kp2p
