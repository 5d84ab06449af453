// Reachability: finds out whether unsolicited packets reach our server port, and when we know our
// address well enough to become a node that others store. Source: npm dht-rpc 6.27.0 (index.js).
#pragma once

#include "node/dht/bootstrap.hpp"

namespace kp2p {

enum class Persistence {
    adaptive,   // ephemeral first, persistent once reachable for some time; soon in a small network
    ephemeral,  // never stored by others
    persistent  // as soon as the address is known
};

class Reachability {
  public:
    Reachability(Rpc& rpc, Bootstrap& bootstrap, Persistence persistence)
        : rpc_(rpc), bootstrap_(bootstrap), persistence_(persistence) {}

    enum class Scope { firewall_only, everything };
    // True if our id or our default socket changed.
    Task<Result<bool>> update(Scope scope);
    // Every 5 s once bootstrapped; true when update(everything) is due.
    bool tick();
    // The machine slept, perhaps elsewhere: what was known may be wrong.
    void woke_up(const proto::dht::DhtId& random_id);
    // Where others reach the server port, if they do: where a router forwards it, or its own.
    std::uint16_t server_port();
    std::optional<std::uint16_t> forwarded_port() const;

    // A router says that it forwards to our server port from there now; none: no router does.
    // True if what was known of us may be wrong, and is to be tested.
    bool set_forwarded(const std::optional<Endpoint>& from, const proto::dht::DhtId& random_id);
    // Every 5 s once bootstrapped; true when a test of what the router says is due.
    bool forwarding_tick();

  private:
    // What the nodes that reached the server port saw; nothing if it is firewalled.
    Task<std::optional<proto::dht::NatSampler>> test_firewall(Endpoint sampled);

    Rpc& rpc_;
    Bootstrap& bootstrap_;
    Persistence persistence_;
    unsigned stable_ticks_left_ = 240, small_network_ticks_left_ = 1;
    std::optional<Endpoint> forwarded_;  // by a router, as far as it matters
    unsigned forwarding_ticks_left_ = 0, forwarding_pause_ticks_ = 0;
    std::optional<Endpoint> checked_;  // the sampled address of the last full update
};

}  // namespace kp2p
