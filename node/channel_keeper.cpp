#include "node/channel_keeper.hpp"

#include "node/async/offload.hpp"
#include "node/log.hpp"

namespace kp2p {

ChannelKeeper::ChannelKeeper(Executor loop, Share& share, const ConfigDir& config,
                             asio::thread_pool& pool, const std::vector<ChannelName>& kept)
    : share_(share), config_(config), pool_(pool), wanted_(kept.begin(), kept.end()), kept_(loop) {}

Task<> ChannelKeeper::start(std::vector<ChannelName> more) {
    const std::size_t had = wanted_.size();
    wanted_.insert(more.begin(), more.end());
    if (wanted_.size() != had) {
        auto kept = co_await keep();
        if (!kept) log(LogLevel::error, "daemon", "channels: " + kept.error().message());
    }
    const std::vector<ChannelName> all = wanted();
    for (const ChannelName& name : all) {
        if (!wanted_.contains(name)) continue;  // left meanwhile
        auto joined = co_await share_.join(name);
        if (!joined && joined.error() == asio::error::operation_aborted) co_return;
        if (!joined) log(LogLevel::error, "share", "channels: " + joined.error().message());
        if (joined && !wanted_.contains(name)) (void)share_.leave(name);
    }
}

Task<Result<void>> ChannelKeeper::join(ChannelName name) {
    auto joined = co_await share_.join(name);
    if (!joined) co_return joined.error();
    wanted_.insert(name);
    co_return co_await keep();
}

Task<Result<void>> ChannelKeeper::leave(ChannelName name) {
    if (wanted_.erase(name) == 0) co_return Errc::usage;
    (void)share_.leave(name);  // it may not have been joined yet
    co_return co_await keep();
}

// One after another, so that the newest list is written last.
Task<Result<void>> ChannelKeeper::keep() {
    while (keeping_) {
        auto woken = co_await kept_.wait();
        if (!woken) co_return woken;
    }
    keeping_ = true;
    const std::vector<ChannelName> names = wanted();
    auto write = [&config = config_, &names] { return config.keep_channels(names); };
    auto written = co_await offload(pool_, write);
    keeping_ = false;
    kept_.notify_all();
    co_return written;
}

}  // namespace kp2p
