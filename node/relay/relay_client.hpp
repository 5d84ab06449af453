// RelayClient: the relays that would forward our streams, each over a channel of a connection to
// it, and what goes through them. Shape: attend() each channel; pair() when a stream shall go
// through one.
#pragma once

#include <list>
#include <map>

#include "node/async/runtime.hpp"
#include "node/relay/relay_talk.hpp"
#include "node/transport/connection.hpp"
#include "node/transport/relays.hpp"

namespace kp2p {

class RelayClient {
  public:
    // By which UDP packets come to the node that a connection leads to; none is known.
    using WayTo = std::function<std::optional<UdxPath>(const Connection&)>;

    RelayClient(Runtime& runtime, WayTo way_to);
    ~RelayClient();

    // Until the channel ends; the relay may have to open its half of it yet.
    Task<> attend(std::shared_ptr<Connection> connection, std::shared_ptr<MuxChannel> channel);
    bool has(const NodeId& relay) const { return door_to(relay) != nullptr; }
    std::vector<NodeId> all() const;  // that have opened theirs
    // Waits for the other side. Errc::not_found when there is no such relay, Errc::closed when it
    // goes.
    Task<Result<RelayLeg>> pair(NodeId relay, proto::RelayPair asked);
    Event& changed() { return changed_; }  // which relays there are

  private:
    struct Leg;
    struct Door {
        Door(Executor executor, std::shared_ptr<Connection> connection,
             std::shared_ptr<MuxChannel> channel)
            : connection(std::move(connection)),
              channel(std::move(channel)),
              talk(executor),
              changed(executor) {}
        std::shared_ptr<Connection> connection;
        std::shared_ptr<MuxChannel> channel;
        RelayTalk talk;
        std::map<proto::RelayToken, Leg*> legs;
        bool ended = false;
        Event changed;
    };
    struct Leg {
        std::shared_ptr<Door> door;
        Connection::Hold hold;
        proto::RelayPair asked;
        std::optional<std::uint32_t> relay_id;  // once paired
        Leg(std::shared_ptr<Door> door, const proto::RelayPair& asked);
        Leg(const Leg&) = delete;
        ~Leg();
    };

    std::shared_ptr<Door> door_to(const NodeId& relay) const;
    static void hear(Door& door, const proto::RelayMessage& message);

    Runtime& runtime_;
    WayTo way_to_;
    std::list<std::shared_ptr<Door>> doors_;
    Event changed_;
};

}  // namespace kp2p
