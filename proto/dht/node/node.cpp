#include "proto/dht/node/node.hpp"

#include <algorithm>
#include <utility>

namespace kp2p::proto::dht {

Node::Node(Time now, const Setup& setup)
    : table_(setup.random_id),
      requests_(now, setup.first_tid, setup.seed),
      server_(now, table_, setup.server),
      upkeep_(table_, setup.upkeep),
      reach_(setup.reach) {}

Upkeep::Arrival Node::arrival_on(SocketId socket) const {
    return socket == default_socket() ? Upkeep::Arrival::default_socket
                                      : Upkeep::Arrival::other_socket;
}

void Node::receive(Time now, SocketId on, const Endpoint& from, ByteView datagram) {
    if (from.port == 0 || !from.host.is_v4()) return;
    if (on == SocketId::server)
        if (const auto watched = watched_.find({from.host, 0}); watched != watched_.end())
            watched->second = true;
    auto message = decode_rpc(datagram);
    if (!message) return;
    requests_.heard(now, from);
    if (auto* reply = std::get_if<Reply>(&*message)) {
        const auto id = verified_id(reply->id, from);
        const Endpoint to = reply->to;
        const std::uint16_t tid = reply->tid;
        const bool asked = requests_.receive(now, from, std::move(*reply));
        if (asked) server_.budget().prove(now, from);
        const bool counts = asked || (server_.budget().answered(now, from, tid) && id);
        if (counts && is_usable_node(from)) upkeep_.heard({from, id, to, arrival_on(on)});
    } else {
        receive_request(now, on, from, std::get<Request>(std::move(*message)));
    }
    drain(now);
}

// Only who is proven enters the table and says where we are: the rest is pinged first.
void Node::receive_request(Time now, SocketId on, const Endpoint& from, Request request) {
    ReplyBudget& budget = server_.budget();
    const bool is_node = verified_id(request.id, from) && is_usable_node(from);
    if (is_node && budget.is_proven(now, from))
        upkeep_.heard({from, request.id, request.to, arrival_on(on)});
    server_.receive(now, on, from, std::move(request));
    if (is_node) budget.ping(now, on, from);
}

Result<RequestKey> Node::ask(Time now, Ask ask) {
    ask.sender = server_.id_on(ask.from);
    return requests_.ask(now, std::move(ask));
}

void Node::tick(Time now) {
    upkeep_.tick(requests_.pending());
    drain(now);
}

void Node::expire(Time now) {
    requests_.expire(now);
    server_.expire(now);
    drain(now);
}

std::optional<Time> Node::deadline() const {
    const auto requests = requests_.deadline(), server = server_.deadline();
    if (requests && server) return std::min(*requests, *server);
    return requests ? requests : server;
}

void Node::handle(const RequestEvent& event) {
    if (event.kind == RequestEvent::Kind::failed && answers_alone(event.command))
        upkeep_.request_failed(event.asked);
    const auto check = checks_.find(event.id);
    if (check == checks_.end()) {
        events_.push_back(event);
        return;
    }
    if (event.kind == RequestEvent::Kind::slow) return;
    upkeep_.check_ended(check->second, event.kind == RequestEvent::Kind::reply
                                           ? Upkeep::Outcome::answered
                                           : Upkeep::Outcome::failed);
    checks_.erase(check);
}

void Node::drain(Time now) {
    while (auto event = server_.next_event()) {
        if (const auto* suspected = std::get_if<SuspectedDown>(&*event))
            upkeep_.suspected_down(suspected->node, suspected->by);
        else if (auto* handshake = std::get_if<ForUs<PeerHandshake>>(&*event))
            events_.push_back(std::move(*handshake));
        else
            events_.push_back(std::get<ForUs<PeerHolepunch>>(std::move(*event)));
    }
    while (auto event = requests_.next_event()) handle(*event);
    while (const auto check = upkeep_.next_check()) {
        Ask ping;
        ping.from = default_socket();
        ping.to = check->address;
        if (const auto id = ask(now, std::move(ping)))
            checks_.emplace(*id, *check);
        else
            upkeep_.check_ended(*check, Upkeep::Outcome::skipped);
    }
}

std::optional<Outgoing> Node::next_send() {
    if (auto send = server_.next_send()) return send;
    return requests_.next_send();
}

std::optional<NodeEvent> Node::next_event() {
    if (events_.empty()) return std::nullopt;
    NodeEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
}

void Node::become_persistent(const Endpoint& public_address) {
    const DhtId id = id_of(public_address);
    adopt_id(id);
    server_.set_id(id);
}

void Node::become_ephemeral(const DhtId& random_id) {
    server_.set_id(std::nullopt);
    adopt_id(random_id);
}

void Node::adopt_id(const DhtId& id) {
    if (id != table_.self()) table_.rebuild(id);
}

void Node::watch(const std::vector<Endpoint>& hosts) {
    watched_.clear();
    for (const Endpoint& host : hosts) watched_[{host.host, 0}] = false;
}

bool Node::reached_by(const Endpoint& host) const {
    const auto watched = watched_.find({host.host, 0});
    return watched != watched_.end() && watched->second;
}

}  // namespace kp2p::proto::dht
