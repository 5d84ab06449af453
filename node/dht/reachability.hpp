// Reachability: finds out whether unsolicited packets reach our server port, and when we know our
// address well enough to become a node that others store. Source: npm dht-rpc 6.27.0 (index.js).
#pragma once

#include "node/dht/bootstrap.hpp"

namespace kp2p {

enum class Citizenship {
    adaptive,  // a guest first, a citizen once reachable for some time; soon in a small network
    guest,     // never stored by others (ephemeral)
    citizen    // as soon as the address is known
};

class Reachability {
  public:
    Reachability(Rpc& rpc, Bootstrap& bootstrap, Citizenship citizenship)
        : rpc_(rpc), bootstrap_(bootstrap), citizenship_(citizenship) {}

    enum class Scope { firewall_only, everything };
    // True if our id or our default socket changed.
    Task<Result<bool>> update(Scope scope);
    // Every 5 s once bootstrapped; true when update(everything) is due.
    bool tick();
    // The machine slept, perhaps elsewhere: what was known may be wrong.
    void woke_up(const proto::dht::DhtId& random_id);
    std::uint16_t server_port();

  private:
    // What the nodes that reached the server port saw; nothing if it is firewalled.
    Task<std::optional<proto::dht::NatSampler>> test_firewall(Endpoint sampled);

    Rpc& rpc_;
    Bootstrap& bootstrap_;
    Citizenship citizenship_;
    unsigned stable_ticks_left_ = 240, small_network_ticks_left_ = 1;
    std::optional<Endpoint> checked_;  // the sampled address of the last full update
};

}  // namespace kp2p
