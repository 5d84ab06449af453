#include "node/swarm_peers.hpp"

#include "node/report/dht_facts.hpp"
#include "node/swarm/swarm.hpp"

namespace kp2p {
void SwarmPeers::attach(Swarm& swarm, const Dht& dht) {
    swarm_ = &swarm;
    dht_ = &dht;
}

void SwarmPeers::join(const Topic& topic) { swarm_->join(topic); }

void SwarmPeers::leave(const Topic& topic) { swarm_->leave(topic); }

bool SwarmPeers::settling(const Topic& topic) const { return swarm_->settling(topic); }

bool SwarmPeers::looked_up_again(const Topic& topic, Clock::Time since) {
    return swarm_->looked_up_again(topic, since);
}

Task<Result<std::shared_ptr<Connection>>> SwarmPeers::connect(NodeId node) {
    return swarm_->connect(node);
}

std::shared_ptr<Connection> SwarmPeers::best(const NodeId& node) const {
    return swarm_->best(node);
}

std::vector<Finding> SwarmPeers::why_not(const NodeId& node) const { return swarm_->why_not(node); }

std::vector<Finding> SwarmPeers::why_none(const Topic& topic) const {
    return swarm_->why_none(topic);
}

std::optional<Finding> SwarmPeers::network_trouble() const { return dht_trouble(dht_->contact()); }

}  // namespace kp2p
