// SwarmPeers: what sharing asks of the swarm and the DHT.
#pragma once

#include <string>

#include "node/share/channels/peers.hpp"

namespace kp2p {

class Dht;
class Swarm;
class Tunnels;

class SwarmPeers final : public Peers {
  public:
    // Before anything else. Without tunnels there is no other way out than UDP.
    void attach(Swarm& swarm, const Dht& dht, const Tunnels* tunnels);
    void join(const Topic& topic) override;
    void leave(const Topic& topic) override;
    bool settling(const Topic& topic) const override;
    bool looked_up_again(const Topic& topic, Clock::Time since) override;
    Task<Result<std::shared_ptr<Connection>>> connect(NodeId node) override;
    std::shared_ptr<Connection> best(const NodeId& node) const override;
    std::vector<Finding> why_not(const NodeId& node) const override;
    std::vector<Finding> why_none(const Topic& topic) const override;
    std::optional<Finding> network_trouble() const override;
    std::optional<Finding> twin() const override;

  private:
    Swarm* swarm_ = nullptr;
    const Dht* dht_ = nullptr;
    const Tunnels* tunnels_ = nullptr;
};

}  // namespace kp2p
