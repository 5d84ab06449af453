#include "node/swarm_peers.hpp"

#include "node/report/dht_facts.hpp"
#include "node/swarm/swarm.hpp"
#include "node/tunnel/tunnels.hpp"

namespace kp2p {
void SwarmPeers::attach(Swarm& swarm, const Dht& dht, const Tunnels* tunnels) {
    swarm_ = &swarm;
    dht_ = &dht;
    tunnels_ = tunnels;
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

std::optional<Finding> SwarmPeers::twin() const { return swarm_->twin(); }

// Where UDP is blocked our relay, if it gives no port, is why. That of others is none that anybody
// here looks after, and most likely nothing at all is reached.
std::optional<Finding> SwarmPeers::network_trouble() const {
    auto trouble = dht_trouble(dht_->contact());
    const bool silent = trouble && (trouble->code == Finding::Code::dht_silent ||
                                    trouble->code == Finding::Code::dht_silent_for ||
                                    trouble->code == Finding::Code::rejected);
    if (silent && tunnels_ && !tunnels_->up()) {
        const bool impostor = tunnels_->impostor();
        if (!tunnels_->failure().empty() && (impostor || tunnels_->has_own()))
            trouble = Finding{
                .code = impostor ? Finding::Code::captive_portal : Finding::Code::no_relay_port,
                .what = tunnels_->failure(),
                .after = trouble->after};
    }
    return trouble;
}

}  // namespace kp2p
