// Bootstrap: the addresses of the nodes where a DHT network is entered. Names resolve to IPv4.
#pragma once

#include <map>
#include <string>

#include "node/dht/rpc.hpp"
#include "proto/dht/bootstrap_node.hpp"

namespace kp2p {

// The entries of the public network.
std::vector<BootstrapNode> public_bootstrap();

class Bootstrap {
  public:
    Bootstrap(Rpc& rpc, std::vector<BootstrapNode> nodes)
        : rpc_(rpc), nodes_(std::move(nodes)), looked_up_(rpc.executor()) {}

    // Their addresses; an entry that cannot be resolved is left out. Remembered for some minutes.
    Task<std::vector<Endpoint>> addresses();
    // The same as far as it takes no time: entries that are addresses, or what is remembered; where
    // there are none, addresses that are only suggested, as nobody else may know the names.
    std::vector<Endpoint> known_addresses() const;
    bool all_known() const;
    std::size_t size() const { return nodes_.size(); }
    // Names that are being looked up, or were found to have no address when they last were.
    // And why.
    const std::map<std::string, std::string>& unresolved() const { return unresolved_; }

  private:
    Task<> resolve(const BootstrapNode& node, std::vector<Endpoint>& resolved);

    Rpc& rpc_;
    std::vector<BootstrapNode> nodes_;
    std::vector<Endpoint> resolved_;
    std::map<std::string, std::string> unresolved_;
    Clock::Time resolve_again_ = Clock::Time::min();
    bool looking_up_ = false;  // one for all who ask
    Event looked_up_;
};

}  // namespace kp2p
