#include "node/relay/relay_client.hpp"

#include <set>

#include "proto/outcome.hpp"

namespace kp2p {

RelayClient::RelayClient(Runtime& runtime, WayTo way_to)
    : runtime_(runtime), way_to_(std::move(way_to)), changed_(runtime.executor) {}

RelayClient::~RelayClient() = default;

RelayClient::Leg::Leg(std::shared_ptr<Door> through, const proto::RelayPair& pair)
    : door(std::move(through)), hold(door->connection->hold()), asked(pair) {
    door->legs[asked.token] = this;
    door->talk.say(asked);
}

RelayClient::Leg::~Leg() {
    door->legs.erase(asked.token);
    door->talk.say(proto::RelayUnpair{asked.token});
}

// Of several connections to one relay that is better which UDP packets go along themselves.
std::shared_ptr<RelayClient::Door> RelayClient::door_to(const NodeId& relay) const {
    std::shared_ptr<Door> found;
    for (const auto& door : doors_) {
        if (door->connection->remote() != relay || !way_to_(*door->connection)) continue;
        if (!found || door->connection->udx_path()) found = door;
    }
    return found;
}

std::vector<NodeId> RelayClient::all() const {
    std::set<NodeId> relays;
    for (const auto& door : doors_)
        if (door->channel->is_open() && way_to_(*door->connection))
            relays.insert(door->connection->remote());
    return {relays.begin(), relays.end()};
}

Task<> RelayClient::attend(std::shared_ptr<Connection> connection,
                           std::shared_ptr<MuxChannel> channel) {
    const auto door = std::make_shared<Door>(runtime_.executor, connection, channel);
    doors_.push_back(door);
    changed_.notify_all();
    const auto take = [&door](const proto::RelayMessage& message) { hear(*door, message); };
    co_await door->talk.run(channel, take);
    doors_.remove(door);
    door->ended = true;
    door->connection.reset();
    door->channel.reset();
    door->changed.notify_all();
    changed_.notify_all();
}

void RelayClient::hear(Door& door, const proto::RelayMessage& message) {
    const auto* paired = std::get_if<proto::RelayPair>(&message);
    if (!paired) return;
    const auto leg = door.legs.find(paired->token);
    if (leg == door.legs.end() || leg->second->asked.side != paired->side) return;
    if (!leg->second->relay_id) leg->second->relay_id = paired->stream_id;
    door.changed.notify_all();
}

Task<Result<RelayLeg>> RelayClient::pair(NodeId relay, proto::RelayPair asked) {
    const auto door = door_to(relay);
    if (!door || door->legs.contains(asked.token)) co_return Errc::not_found;
    const auto leg = std::make_shared<Leg>(door, asked);
    while (!leg->relay_id && !door->ended) {
        auto woken = co_await door->changed.wait();
        if (!woken) co_return woken.error();
    }
    if (door->ended) co_return Errc::closed;
    auto way = way_to_(*door->connection);
    if (!way) co_return Errc::closed;
    RelayLeg paired{*std::move(way), leg};
    paired.path.relay_id = leg->relay_id;
    co_return paired;
}

}  // namespace kp2p
