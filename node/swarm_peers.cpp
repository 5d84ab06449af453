#include "node/swarm_peers.hpp"

#include "node/dht/dht.hpp"
#include "node/swarm/swarm.hpp"

namespace kp2p {
namespace {

// Nodes that come and go leave some requests without an answer.
constexpr std::chrono::seconds long_silence{10};

}  // namespace

std::optional<Finding> dht_trouble(const DhtContact& contact) {
    using Code = Finding::Code;
    if (contact.refused && *contact.refused < long_silence)
        return Finding{.code = Code::dht_busy, .count = Rpc::max_pending};
    if (contact.last_answer) {
        const auto silent_for = std::chrono::duration_cast<std::chrono::milliseconds>(
            contact.silent_for.value_or(Clock::Span()));
        if (silent_for < long_silence) return std::nullopt;
        return Finding{.code = Code::dht_silent_for, .after = silent_for};
    }
    if (!contact.unresolved.empty() && contact.unresolved.size() >= contact.bootstrap_nodes) {
        std::string names;
        for (const std::string& name : contact.unresolved)
            names += (names.empty() ? "" : ", ") + name;
        return Finding{.code = Code::unresolved, .what = names};
    }
    if (contact.bootstrap_nodes == 0 && !contact.silent_for)
        return Finding{.code = Code::no_bootstrap};
    return Finding{.code = Code::dht_silent};
}

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
