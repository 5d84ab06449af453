// ChannelKeeper: the channels that the user wants the node to be in, kept in the configuration
// directory. They may be more than those it is in: joining them takes a while after a first start,
// and can fail. The list is written only when the user changes it; the keys that were derived from
// the names are written beside it, so that the next start is quick. On the loop's thread.
#pragma once

#include <set>

#include "node/async/event.hpp"
#include "node/process/config_dir.hpp"
#include "node/share/share.hpp"

namespace kp2p {

class ChannelKeeper {
  public:
    // `kept` is what the configuration directory has, `keys` too.
    ChannelKeeper(Runtime& runtime, Share& share, const ConfigDir& config,
                  const std::vector<ChannelName>& kept, ChannelKeys keys);

    std::vector<ChannelName> wanted() const { return {wanted_.begin(), wanted_.end()}; }
    // Joins all that are wanted, and also `more`, which are kept meanwhile: before it first waits
    // those whose keys are known, while Share expects the others. Says what fails in the log.
    Task<> start(std::vector<ChannelName> more);
    // Durably, when they return.
    Task<Result<void>> join(ChannelName name);
    Task<Result<void>> leave(ChannelName name);  // Errc::usage if it is not wanted

  private:
    enum class What { names, keys };  // the keys always
    Task<Result<void>> keep(What what);
    Task<> keep_names();
    Task<> derive(std::vector<ChannelName>& names, std::vector<ChannelName>& failed);

    Share& share_;
    const ConfigDir& config_;
    Pool& pool_;
    std::set<ChannelName> wanted_;
    ChannelKeys keys_;  // as they are kept
    bool keeping_ = false;
    Event kept_;
};

}  // namespace kp2p
