// Node: the DHT node without its sockets: requests of ours, requests of others, the routing table
// and its upkeep. Shape: feed receive(), ask(), expire(), and tick() every 5 s; after each drain
// next_send() and next_event(). The pings that keep the table true are its own business: they
// surface only as sends. Time is only ever the `now` passed in. Not thread-safe.
#pragma once

#include <variant>

#include "proto/dht/node/nat_classifier.hpp"
#include "proto/dht/node/query.hpp"
#include "proto/dht/node/requests.hpp"
#include "proto/dht/node/server.hpp"
#include "proto/dht/node/upkeep.hpp"

namespace kp2p::proto::dht {

using NodeEvent = std::variant<RequestEvent, ForUs<PeerHandshake>, ForUs<PeerHolepunch>>;

class Node {
  public:
    struct Setup {
        Server::Setup server;
        Upkeep::Setup upkeep;
        DhtId random_id;  // ours until we know our address
        std::uint16_t first_tid = 0;
        std::uint64_t seed = 0;  // of what is random about requests
        Reach reach = Reach::behind_nat;
    };
    Node(Time now, const Setup& setup);

    void receive(Time now, SocketId on, const Endpoint& from, ByteView datagram);
    Result<RequestKey> ask(Time now, Ask ask);
    void cancel(Time now, RequestKey id) { requests_.cancel(now, id); }
    void start_over(Time now) { requests_.start_over(now); }  // with what is unanswered
    void tick(Time now);
    void expire(Time now);
    std::optional<Time> deadline() const;
    std::optional<Outgoing> next_send();
    std::optional<NodeEvent> next_event();
    std::size_t requests_in_flight() const { return requests_.pending(); }
    bool is_silent(Time now, const Endpoint& node) { return requests_.is_silent(now, node); }
    std::optional<Span> round_trip() const { return requests_.round_trip(); }
    std::optional<Time> last_answer() const { return requests_.last_answer(); }
    std::optional<Time> unanswered_since() const { return requests_.unanswered_since(); }

    // Reachable: requests leave from the server socket. Persistent: others store us by our id.
    bool open() const { return reach_ == Reach::open; }
    bool persistent() const { return server_.id_on(SocketId::server).has_value(); }
    SocketId default_socket() const { return open() ? SocketId::server : SocketId::client; }
    void set_reach(Reach reach) { reach_ = reach; }
    void become_persistent(const Endpoint& public_address);
    void become_ephemeral(const DhtId& random_id);
    void adopt_id(const DhtId& id);  // rebuilds the table around it, unless it is the old one

    // Which of these hosts send us anything on the server socket from now on?
    void watch(const std::vector<Endpoint>& hosts);
    bool reached_by(const Endpoint& host) const;

    RoutingTable& table() { return table_; }
    const RoutingTable& table() const { return table_; }
    Upkeep& upkeep() { return upkeep_; }
    Server& server() { return server_; }

  private:
    Upkeep::Arrival arrival_on(SocketId socket) const;
    void receive_request(Time now, SocketId on, const Endpoint& from, Request request);
    void handle(const RequestEvent& event);
    void drain(Time now);

    RoutingTable table_;
    Requests requests_;
    Server server_;
    Upkeep upkeep_;
    Reach reach_;
    std::map<RequestKey, Upkeep::Check> checks_;  // bounded by what Upkeep starts
    std::map<Endpoint, bool> watched_;            // host with port 0 -> heard on the server socket
    std::deque<NodeEvent> events_;
};

}  // namespace kp2p::proto::dht
