// SwarmPeers: the swarm, as sharing sees it.
#pragma once

#include "node/share/peers.hpp"
#include "node/swarm/swarm.hpp"

namespace kp2p {

// What sharing asks of the swarm. Attach it before anything is asked.
class SwarmPeers final : public Peers {
  public:
    void attach(Swarm& swarm) { swarm_ = &swarm; }
    void join(const Topic& topic) override { swarm_->join(topic); }
    void leave(const Topic& topic) override { swarm_->leave(topic); }
    bool settling(const Topic& topic) const override { return swarm_->settling(topic); }
    Task<Result<std::shared_ptr<Connection>>> connect(NodeId node) override {
        return swarm_->connect(node);
    }
    std::string why_not(const NodeId& node) const override { return swarm_->why_not(node); }

  private:
    Swarm* swarm_ = nullptr;
};

}  // namespace kp2p
