#include "node/process/channel_keeper.hpp"

#include "node/async/offload.hpp"
#include "node/async/tasks.hpp"
#include "node/log/log.hpp"

namespace kp2p {
namespace {

// Of those that share derives at a time, so that one that the user joins meanwhile has its turn.
constexpr std::size_t derived_at_once = 3;

}  // namespace

ChannelKeeper::ChannelKeeper(Runtime& runtime, Share& share, const ConfigDir& config,
                             const std::vector<ChannelName>& kept, ChannelKeys keys)
    : share_(share),
      config_(config),
      pool_(runtime.pool),
      wanted_(kept.begin(), kept.end()),
      keys_(std::move(keys)),
      kept_(runtime.executor) {}

Task<> ChannelKeeper::start(std::vector<ChannelName> more) {
    const std::size_t had = wanted_.size();
    wanted_.insert(more.begin(), more.end());
    std::vector<ChannelName> names, failed, given_up;
    for (const ChannelName& name : wanted_) {
        const auto key = keys_.find(name);
        if (key != keys_.end()) {
            share_.join(name, key->second);
        } else {
            share_.expect(name);
            names.push_back(name);
        }
    }
    const bool derives_none = names.empty();
    auto side_by_side = [&](Tasks& all) -> Task<> {
        if (wanted_.size() != had) all.spawn(keep_names());
        for (std::size_t i = 0; i < derived_at_once; ++i) all.spawn(derive(names, failed));
        co_return;
    };
    auto derived = co_await with_tasks(side_by_side);
    if (!derived || derives_none) co_return;
    co_await derive(failed, given_up);  // one alone takes the least memory
    if (!given_up.empty())
        log(LogLevel::error, "share",
            "not enough memory to join channels: " + std::to_string(given_up.size()));
    (void)co_await keep(What::keys);
}

Task<> ChannelKeeper::keep_names() {
    auto kept = co_await keep(What::names);
    if (!kept) log(LogLevel::error, "daemon", "channels: " + kept.error().message());
}

Task<> ChannelKeeper::derive(std::vector<ChannelName>& names, std::vector<ChannelName>& failed) {
    while (!names.empty()) {
        const ChannelName name = names.back();
        names.pop_back();
        if (!wanted_.contains(name)) continue;  // left meanwhile
        auto joined = co_await share_.join(name);
        if (!joined && joined.error() == asio::error::operation_aborted) co_return;
        if (!joined) failed.push_back(name);
        if (joined && !wanted_.contains(name)) (void)share_.leave(name);
    }
}

Task<Result<void>> ChannelKeeper::join(ChannelName name) {
    auto joined = co_await share_.join(name);
    if (!joined) co_return joined.error();
    wanted_.insert(name);
    co_return co_await keep(What::names);
}

Task<Result<void>> ChannelKeeper::leave(ChannelName name) {
    if (wanted_.erase(name) == 0) co_return Errc::usage;
    (void)share_.leave(name);  // it may not have been joined yet
    co_return co_await keep(What::names);
}

// One after another, so that the newest list is written last.
Task<Result<void>> ChannelKeeper::keep(What what) {
    while (keeping_) {
        auto woken = co_await kept_.wait();
        if (!woken) co_return woken;
    }
    keeping_ = true;
    const std::vector<ChannelName> names = wanted();
    ChannelKeys keys;
    for (const ChannelName& name : names)
        if (const auto key = share_.channel_key(name)) keys.emplace(name, *key);
    const bool new_keys = keys != keys_;
    auto write = [&config = config_, &names, &keys, what, new_keys]() -> Result<void> {
        if (new_keys) (void)config.keep_channel_keys(keys);  // without them a start takes longer
        if (what == What::names) return config.keep_channels(names);
        return ok;
    };
    auto written = co_await offload(pool_, write);
    keys_ = std::move(keys);
    keeping_ = false;
    kept_.notify_all();
    co_return written;
}

}  // namespace kp2p
