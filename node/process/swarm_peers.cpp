#include "node/process/swarm_peers.hpp"

#include "node/dht/dht.hpp"
#include "node/swarm/swarm.hpp"

namespace kp2p {
namespace {

// Nodes that come and go leave some requests without an answer.
constexpr std::chrono::seconds long_silence{10};

}  // namespace

std::string dht_trouble(const DhtContact& contact) {
    const bool never = !contact.last_answer;
    const auto silent_for = std::chrono::duration_cast<std::chrono::seconds>(
        contact.silent_for.value_or(Clock::Span()));
    if (!never && silent_for < long_silence) return {};
    if (!never)
        return "no DHT node has answered for " + std::to_string(silent_for.count()) +
               " s: is this computer offline?";
    if (!contact.unresolved.empty() && contact.unresolved.size() >= contact.bootstrap_nodes) {
        std::string names;
        for (const std::string& name : contact.unresolved)
            names += (names.empty() ? "" : ", ") + name;
        return "no DHT node can be asked: the names of the bootstrap nodes have no address (" +
               names + ")";
    }
    if (contact.bootstrap_nodes == 0 && !contact.silent_for)
        return "this node knows no DHT node, as it was started without bootstrap nodes";
    return "no DHT node has answered yet, no bootstrap node either";
}

void SwarmPeers::attach(Swarm& swarm, const Dht& dht) {
    swarm_ = &swarm;
    dht_ = &dht;
}

void SwarmPeers::join(const Topic& topic) { swarm_->join(topic); }

void SwarmPeers::leave(const Topic& topic) { swarm_->leave(topic); }

bool SwarmPeers::settling(const Topic& topic) const { return swarm_->settling(topic); }

Task<Result<std::shared_ptr<Connection>>> SwarmPeers::connect(NodeId node) {
    return swarm_->connect(node);
}

std::string SwarmPeers::why_not(const NodeId& node) const { return swarm_->why_not(node); }

std::string SwarmPeers::network_trouble() const { return dht_trouble(dht_->contact()); }

}  // namespace kp2p
