// Server: answers the requests of other nodes. Shape: feed receive() and expire(), drain
// next_send() and next_event(). Invalid requests are met with silence, as the reference does.
// Every node answers the internal commands and relays handshakes and hole punches, statelessly;
// only a persistent one stores and finds. What only the node itself can do becomes an event.
// A ReplyBudget says how much is sent to whom.
// Source: npm hyperdht 6.34.0 (lib/persistent.js, lib/router.js), dht-rpc 6.27.0 (index.js).
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <variant>

#include "proto/dht/node/rate_limit.hpp"
#include "proto/dht/node/reply_budget.hpp"
#include "proto/dht/node/requests.hpp"
#include "proto/dht/node/upkeep.hpp"
#include "proto/dht/table/routing_table.hpp"
#include "proto/dht/table/storage.hpp"
#include "proto/dht/table/tokens.hpp"
#include "proto/dht/wire/peer_messages.hpp"
#include "proto/dht/wire/signatures.hpp"

namespace kp2p::proto::dht {

// A handshake or hole punch for a server of our own. Keep it to answer.
template <class Message>
struct ForUs {
    SocketId on;
    Endpoint from;
    Request request;
    Message message;

    // Whether it came through a relay, which says that the client is at *message.peer; else it is
    // from the client itself, and what it says of its address does not count.
    bool relayed() const { return message.mode != Mode::from_client; }
    Endpoint client() const { return relayed() ? message.peer.value_or(from) : from; }
};
struct SuspectedDown {  // somebody says that this node, which is in our table, is down
    DhtId node;
    Upkeep::Said by;
};
using ServerEvent = std::variant<SuspectedDown, ForUs<PeerHandshake>, ForUs<PeerHolepunch>>;

class Server {
  public:
    static constexpr std::size_t max_delayed_pings = 256;  // that due last is given up for another
    static constexpr std::chrono::milliseconds max_ping_delay{10000};
    static constexpr std::size_t lookup_records = 20;

    struct Setup {
        std::array<TokenSecret, 2> token_secrets;  // random
        std::uint64_t seed = 0;                    // for what need not be secret
        std::chrono::milliseconds unix_time{};     // at construction, for bumps
        ReplyBudget::Sources sources = ReplyBudget::Sources::trusted;
    };
    // The table must outlive the server.
    Server(Time now, RoutingTable& table, const Setup& setup);

    // Our id once we are persistent: shown in all that leaves from the server socket.
    void set_id(const std::optional<DhtId>& id) { id_ = id; }
    std::optional<DhtId> id_on(SocketId socket) const;

    // A server of our own; its record is found under the target while it listens.
    void listen(const DhtId& target, const PeerRecord& record) { listening_[target] = record; }
    void unlisten(const DhtId& target) { listening_.erase(target); }
    // Where a server announced itself to us.
    std::optional<Endpoint> route(Time now, const DhtId& target);

    void receive(Time now, SocketId on, const Endpoint& from, Request request);
    // Whom we answer, and how much: it must learn of the replies that come.
    ReplyBudget& budget() { return budget_; }
    void answer(SocketId from, const ForUs<PeerHandshake>& handshake, ByteVector noise);
    void answer(SocketId from, const ForUs<PeerHolepunch>& holepunch, ByteVector payload);

    void expire(Time now);
    std::optional<Time> deadline() const;
    std::optional<Outgoing> next_send();
    std::optional<ServerEvent> next_event();

  private:
    struct Incoming {
        Time now;
        SocketId on;
        Endpoint from;
        const Request& request;
    };
    enum class With { nothing, closer_nodes, token_and_closer_nodes };

    void reply(const Incoming& in, With with, std::optional<ByteVector> value = std::nullopt);
    void error(const Incoming& in, RpcError code);
    void send(const Incoming& in, const Endpoint& to, Reply reply);
    void pass_back(SocketId from, const Endpoint& to, Reply reply);
    void forward(SocketId on, const Endpoint& to, const Request& request, ByteVector value);

    void internal(const Incoming& in, InternalCommand command);
    void external(const Incoming& in, Command command);
    void persistent(const Incoming& in, Command command);
    bool may_store(const Incoming& in);
    void ping_nat(const Incoming& in);
    void down_hint(const Incoming& in);
    void delayed_ping(const Incoming& in);
    void handshake(const Incoming& in);
    void relay(const Incoming& in, const Endpoint& to, ByteVector value);
    void relay(const Incoming& in, PeerHandshake message);
    void holepunch(const Incoming& in);
    void find_peer(const Incoming& in);
    void lookup(const Incoming& in);
    void announce(const Incoming& in, AnnounceKind kind);
    void mutable_put(const Incoming& in);
    void mutable_get(const Incoming& in);
    void immutable_put(const Incoming& in);
    void immutable_get(const Incoming& in);
    std::optional<PeerRecord> known_record(const Incoming& in);

    RoutingTable& table_;
    Tokens tokens_;
    Storage storage_;
    RateLimit foreign_, storing_;
    ReplyBudget budget_;
    std::chrono::milliseconds unix_offset_;  // Unix time minus Time
    std::optional<DhtId> id_;
    std::map<DhtId, PeerRecord> listening_;
    std::multimap<Time, std::pair<SocketId, Request>> delayed_;  // Request::to: whom to answer
    std::deque<Outgoing> sends_;
    std::deque<ServerEvent> events_;
};

}  // namespace kp2p::proto::dht
