// Bootstrap: the addresses of the nodes where a DHT network is entered. Names resolve to IPv4.
// Shape: spawn look_up_loop(), which asks name servers for all who want addresses.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "node/dht/rpc.hpp"
#include "node/net/address.hpp"
#include "proto/dht/bootstrap_node.hpp"

namespace kp2p {

// The entries of the public network.
std::vector<BootstrapNode> public_bootstrap();

class Bootstrap {
  public:
    Bootstrap(Rpc& rpc, std::vector<BootstrapNode> nodes)
        : rpc_(rpc),
          nodes_(std::move(nodes)),
          wanted_now_(rpc.executor()),
          looked_up_(rpc.executor()) {}

    Task<> look_up_loop();
    // Their addresses; an entry that cannot be resolved is left out. Remembered for some minutes.
    // Where name servers take longer than this, those that are known, and later all.
    Task<std::vector<Endpoint>> addresses(Clock::Span patience = name_limit);
    // Of who knows others: few, but better than nobody.
    static constexpr Clock::Span short_patience = std::chrono::milliseconds(250);
    // Nobody answers there: a name may stand for something else by now, as one does that a captive
    // portal has answered for.
    void doubt() { sure_ = false; }
    // The same as far as it takes no time: entries that are addresses, or what is remembered; where
    // there are none, addresses that are only suggested, as nobody else may know the names.
    std::vector<Endpoint> known_addresses() const;
    bool all_known() const;
    std::size_t size() const { return nodes_.size(); }
    // Names that are being looked up, or were found to have no address when they last were.
    // And why.
    const std::map<std::string, std::string>& unresolved() const { return unresolved_; }

  private:
    bool is_nobody(const Endpoint& at) const;
    Task<> resolve(const BootstrapNode& node, std::vector<Endpoint>& resolved);

    Rpc& rpc_;
    std::vector<BootstrapNode> nodes_;
    std::vector<Endpoint> resolved_;
    std::map<std::string, std::string> unresolved_;
    std::optional<Clock::Time> looked_up_at_;
    bool sure_ = false;    // all have an address, and somebody answers
    bool wanted_ = false;  // addresses that are not known
    Event wanted_now_, looked_up_;
};

}  // namespace kp2p
