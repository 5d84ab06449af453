#include "node/swarm/swarm_relays.hpp"

#include <algorithm>

#include "proto/outcome.hpp"

namespace kp2p {

SwarmRelays::SwarmRelays(SwarmRelaysParts parts)
    : parts_(std::move(parts)),
      server_({parts_.runtime, parts_.udx, [this] { return serves(); },
               [this](const NodeId& node) { return !parts_.shared(node).empty(); }}),
      client_(parts_.runtime, [this](const Connection& c) { return way_to(c); }) {}

bool SwarmRelays::serves() const {
    if (parts_.mode == proto::RelayMode::automatic) return parts_.dht.remote_address().has_value();
    return parts_.mode == proto::RelayMode::on;
}

std::shared_ptr<RelaySession> SwarmRelays::session_of(
    const std::shared_ptr<Connection>& connection) {
    std::erase_if(sessions_, [](const auto& entry) { return entry.second.expired(); });
    const RelaySession::Parts parts{parts_.runtime, server_, client_, parts_.own};
    auto session = std::make_shared<RelaySession>(parts, connection);
    session->accept();
    sessions_[connection.get()] = session;
    return session;
}

// Where we are not connected to it over UDX, it says itself where it takes UDP.
std::optional<UdxPath> SwarmRelays::way_to(const Connection& connection) const {
    if (const UdxPath* path = connection.udx_path()) {
        if (path->relay_id) return std::nullopt;
        return *path;
    }
    const auto place = parts_.udp_place(connection.remote());
    if (!place) return std::nullopt;
    return UdxPath{&parts_.dht.port(parts_.dht.default_socket())->socket(), *place};
}

// In a channel with the node, as far as that is known: then the relay serves it too.
std::optional<NodeId> SwarmRelays::choose(const NodeId& for_node) {
    std::set<Topic> wanted = parts_.shared(for_node);
    if (wanted.empty()) wanted = parts_.found(for_node);
    std::vector<NodeId> fit;
    for (const NodeId& relay : client_.all()) {
        const auto topics = parts_.shared(relay);
        const auto common = [&](const Topic& topic) { return topics.contains(topic); };
        if (relay == for_node || topics.empty() || parts_.silent(relay)) continue;
        if (wanted.empty() || std::ranges::any_of(wanted, common)) fit.push_back(relay);
    }
    if (fit.empty()) return std::nullopt;
    return fit[parts_.runtime.random.number() % fit.size()];
}

Task<Result<RelayLeg>> SwarmRelays::pair(NodeId relay, proto::RelayPair asked) {
    if (!client_.has(relay)) {
        if (foreign_ >= max_foreign) co_return Errc::limit_reached;
        struct Count {
            std::size_t& of;
            ~Count() { --of; }
        } count{++foreign_};
        auto there = co_await go_to(relay);
        if (!there) co_return there.error();
    }
    co_return co_await client_.pair(relay, asked);
}

Task<Result<void>> SwarmRelays::go_to(NodeId relay) {
    if (relay == parts_.own) co_return Errc::refused;
    auto connection = co_await parts_.connect(relay);
    if (!connection) co_return connection.error();
    const auto hold = (*connection)->hold();
    const auto known = sessions_.find(connection->get());
    const auto session = known == sessions_.end() ? nullptr : known->second.lock();
    if (!session) co_return Errc::closed;
    session->ask();
    while (!client_.has(relay)) {
        auto woken = co_await client_.changed().wait();
        if (!woken) co_return woken;
    }
    co_return ok;
}

}  // namespace kp2p
