// The kp2p-relays that a daemon knows, and how each is reached from here: directly, or through the
// proxy that the environment names.
#pragma once

#include <string>
#include <vector>

#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "node/process/config_dir.hpp"
#include "node/tunnel/opened_tunnel.hpp"
#include "node/tunnel/tunnels.hpp"

namespace kp2p {

// By https_proxy or HTTPS_PROXY, unless no_proxy or NO_PROXY names the host. Errc::usage, with the
// reason in `why`, for a proxy that makes no sense.
Result<RelayRoute> relay_route(proto::tunnel::RelayUrl url, std::string& why);

// Those that members of our channels have told of, kept for the day that UDP is blocked where we
// are. Of many the latest stay.
class LearntRelays {
  public:
    // The tunnels use what was kept; all three outlive this.
    LearntRelays(Runtime& runtime, const ConfigDir& config, Tunnels& tunnels);

    // From one member. What is no URL of a relay, or has no TLS, is left out.
    void hear(const std::vector<std::string>& urls);
    Task<> keep_loop();

  private:
    void use(const proto::tunnel::RelayUrl& url);

    Runtime& runtime_;
    const ConfigDir& config_;
    Tunnels& tunnels_;
    std::vector<proto::tunnel::RelayUrl> learnt_;  // the latest first
    bool kept_ = true;
    Event changed_;
};

}  // namespace kp2p
