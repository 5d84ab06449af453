// LiveSettings: those that change while the daemon runs: the rates of transfers and the quota. What
// is changed holds at later starts too.
#pragma once

#include <map>
#include <string>

#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "node/settings/settings.hpp"
#include "node/share/share.hpp"
#include "proto/result.hpp"

namespace kp2p {

class ConfigDir;
class Store;

class LiveSettings {
  public:
    LiveSettings(Runtime& runtime, const Settings& settings, Share& share, const Store& store,
                 const ConfigDir& config);

    // What holds: a JSON object with their keys in config.json, and the rates of now.
    std::string json() const;
    // By key, all or none of them. Errc::usage with what is wrong in `complaint`, as a channel is
    // that is none of those which we are in and has no limit; or what keeping them failed with, and
    // then they hold until the daemon stops.
    Task<Result<void>> set(std::map<std::string, std::string> texts,
                           std::vector<ChannelName> channels, std::string& complaint);
    std::optional<std::uint64_t> quota_bytes() const;
    // Of the channels that have limits, as json() lists them.
    std::vector<Rates::Now> channel_rates() const;

  private:
    Task<Result<void>> keep(bool quota_changed);

    Runtime& runtime_;
    Settings settings_;
    Share& share_;
    const Store& store_;
    const ConfigDir& config_;
    bool keeping_ = false;
    Event kept_;
};

}  // namespace kp2p
