// SwarmRelays: what a swarm has of relaying: it relays for others, and knows who would relay for
// it, over the connections that it has. Shape: spawn run(); session_of() each connection before
// that is started.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "node/dht/dht.hpp"
#include "node/relay/relay_session.hpp"
#include "node/transport/relays.hpp"
#include "proto/relay/relay_mode.hpp"

namespace kp2p {

struct SwarmRelaysParts {
    Runtime& runtime;
    Dht& dht;
    UdxContext& udx;
    NodeId own;
    proto::RelayMode mode;
    std::function<std::set<Topic>(const NodeId&)> shared;  // that both have proven to be in
    std::function<std::set<Topic>(const NodeId&)> found;   // that it was found under
    std::function<std::optional<Endpoint>(const NodeId&)> udp_place;
    std::function<bool(const NodeId&)> silent;  // though we are connected to it
    std::function<Task<Result<std::shared_ptr<Connection>>>(NodeId)> connect;
    std::function<void(Task<>)> spawn;
};

class SwarmRelays final : public Relays {
  public:
    // Relays that we are not connected to, and go to since a peer has named them.
    static constexpr std::size_t max_foreign = 4;

    explicit SwarmRelays(SwarmRelaysParts parts);

    Task<> run() { return server_.run(); }
    // Spawn its run().
    std::shared_ptr<RelaySession> session_of(const std::shared_ptr<Connection>& connection);
    RelayCounts counts() const { return server_.counts(); }
    std::vector<NodeId> known() const { return client_.all(); }  // who would relay for us

    // Relays
    std::optional<NodeId> choose(const NodeId& for_node) override;
    Task<Result<RelayLeg>> pair(NodeId relay, proto::RelayPair asked) override;
    void spawn(Task<> task) override { parts_.spawn(std::move(task)); }

  private:
    bool serves() const;
    std::optional<UdxPath> way_to(const Connection& connection) const;
    Task<Result<void>> go_to(NodeId relay);

    SwarmRelaysParts parts_;
    StreamRelay server_;
    RelayClient client_;
    std::map<const Connection*, std::weak_ptr<RelaySession>> sessions_;
    std::size_t foreign_ = 0;
};

}  // namespace kp2p
