// The kp2p-relays that a daemon knows: the one that it was told of, and those of others; how each
// is reached from here, directly or through the proxy that the environment names; and sockets that
// may be at one of them.
#pragma once

#include <string>
#include <vector>

#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "node/net/udp_socket.hpp"
#include "node/process/config_dir.hpp"
#include "node/reach/socket_pool.hpp"
#include "node/settings/settings.hpp"
#include "node/tunnel/tunnels.hpp"
#include "proto/limit/token_bucket.hpp"

namespace kp2p {

// Through the proxy that https_proxy or HTTPS_PROXY names or, without these, all_proxy or
// ALL_PROXY, unless no_proxy or NO_PROXY has the host. Errc::usage, with the reason in `why`, for
// an https_proxy that makes no sense; without an error, an all_proxy that leads past us, as others
// speak SOCKS to it.
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
    bool proxy_said_ = false;                      // what is wrong with it
    proto::TokenBucket news_;
    bool kept_ = true;
    Event changed_;
};

struct KnownRelays {
    std::unique_ptr<Tunnels> tunnels;  // null: none is wanted, and the others are null as well
    std::unique_ptr<UdpSocket> probe;
    std::unique_ptr<LearntRelays> learnt;
    std::vector<std::string> to_tell;  // URLs, to the members of our channels

    // Errc::usage, with the reason in `why`, for a proxy that makes no sense; the system's errors.
    // `host` is where sockets are bound; `config` outlives this.
    static Result<KnownRelays> open(Runtime& runtime, const Settings& settings, const Host& host,
                                    const ConfigDir& config, std::string& why);
};

// A UDP socket as it is, or with a port at the relay beside it.
std::unique_ptr<Datagrams> with_tunnel(std::unique_ptr<UdpSocket> socket, Tunnels* tunnels);
SocketPool::Open socket_opener(Runtime& runtime, const Host& host, Tunnels* tunnels);

}  // namespace kp2p
