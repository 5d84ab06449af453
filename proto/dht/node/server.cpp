#include "proto/dht/node/server.hpp"

#include <iterator>
#include <utility>

#include "proto/compact.hpp"

namespace kp2p::proto::dht {
namespace {

// Datagrams to addresses that the source names, not we: generous for a server with many clients.
constexpr RateLimit::Limits foreign_limits{100, 500};
// Bytes that one source may store: a node with hundreds of topics what it has, some times over; but
// for one that would push out the records of all others it takes long, and these come again.
constexpr RateLimit::Limits storing_limits{1 << 10, 128 << 10};

}  // namespace

Server::Server(Time now, RoutingTable& table, const Setup& setup)
    : table_(table),
      tokens_(now, setup.token_secrets),
      storage_(now, setup.seed),
      foreign_(now, foreign_limits),
      storing_(now, storing_limits, RateLimit::Per::endpoint),
      budget_(now, setup.sources, setup.token_secrets[0]),
      unix_offset_(setup.unix_time -
                   std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch())) {}

std::optional<DhtId> Server::id_on(SocketId socket) const {
    return socket == SocketId::server ? id_ : std::nullopt;
}

std::optional<Endpoint> Server::route(Time now, const DhtId& target) {
    const Route* route = storage_.route(now, target);
    if (!route) return std::nullopt;
    return route->relay;
}

void Server::send(const Incoming& in, const Endpoint& to, Reply reply) {
    reply.tid = in.request.tid;
    reply.to = to;
    reply.id = id_on(in.on);
    budget_.give(in.now, in.on, std::move(reply), in.request);
}

// What another has made for this client, who asked for it: no larger than what came.
void Server::pass_back(SocketId from, const Endpoint& to, Reply reply) {
    reply.to = to;
    reply.id = id_on(from);
    sends_.push_back({from, to, encode(reply)});
}

void Server::reply(const Incoming& in, With with, std::optional<ByteVector> value) {
    Reply reply;
    reply.value = std::move(value);
    if (with == With::token_and_closer_nodes) reply.token = tokens_.issue(in.now, in.from);
    if (with != With::nothing && in.request.target)
        reply.closer_nodes = table_.closest(*in.request.target, max_closer_nodes);
    send(in, in.from, std::move(reply));
}

void Server::error(const Incoming& in, RpcError code) {
    Reply reply;
    reply.error = code;
    if (code == rpc_invalid_token) reply.token = tokens_.issue(in.now, in.from);
    if (in.request.target)
        reply.closer_nodes = table_.closest(*in.request.target, max_closer_nodes);
    send(in, in.from, std::move(reply));
}

void Server::forward(SocketId on, const Endpoint& to, const Request& request, ByteVector value) {
    Request next;
    next.tid = request.tid;  // the final reply is matched by it, at the client
    next.to = to;
    next.id = id_on(on);
    next.command = request.command;
    next.target = request.target;
    next.value = std::move(value);
    sends_.push_back({on, to, encode(next)});
}

void Server::receive(Time now, SocketId on, const Endpoint& from, Request request) {
    if (!budget_.admits(now, from)) return;
    const Incoming in{now, on, from, request};
    if (request.token) {
        if (!tokens_.accepts(now, from, *request.token)) return error(in, rpc_invalid_token);
        budget_.prove(now, from);
    }
    if (const auto* command = std::get_if<InternalCommand>(&request.command))
        return internal(in, *command);
    external(in, std::get<Command>(request.command));
}

void Server::internal(const Incoming& in, InternalCommand command) {
    switch (command) {
        case InternalCommand::ping:
            return reply(in, With::nothing);
        case InternalCommand::ping_nat:
            return ping_nat(in);
        case InternalCommand::find_node:
            if (in.request.target) reply(in, With::closer_nodes);
            return;
        case InternalCommand::down_hint:
            return down_hint(in);
        case InternalCommand::delayed_ping:
            return delayed_ping(in);
    }
    error(in, rpc_unknown_command);
}

void Server::external(const Incoming& in, Command command) {
    if (command == Command::peer_handshake) return handshake(in);
    if (command == Command::peer_holepunch) return holepunch(in);
    if (!id_ || command > Command::plugin) return error(in, rpc_unknown_command);
    if (in.request.target) persistent(in, command);
}

void Server::ping_nat(const Incoming& in) {
    if (!in.request.value) return;
    Reader reader(*in.request.value);
    const std::uint16_t port = reader.u16();
    if (port == 0) return;  // or too short
    send(in, {in.from.host, port}, Reply());
}

void Server::down_hint(const Incoming& in) {
    if (!in.request.value) return;
    Reader reader(*in.request.value);
    const Endpoint node = reader.addr4();
    if (reader.failed()) return;
    const DhtId id = id_of(node);
    const auto by = node == in.from ? Upkeep::Said::by_itself : Upkeep::Said::by_another;
    if (table_.find(id)) events_.push_back(SuspectedDown{id, by});
    reply(in, With::nothing);
}

void Server::delayed_ping(const Incoming& in) {
    if (!in.request.value) return;
    Reader reader(*in.request.value);
    const std::chrono::milliseconds delay(reader.u32());
    if (reader.failed() || delay > max_ping_delay) return;
    if (delay.count() == 0) return reply(in, With::nothing);
    Request answered = in.request;
    answered.to = in.from;
    delayed_.emplace(in.now + delay, std::make_pair(in.on, std::move(answered)));
    if (delayed_.size() > max_delayed_pings) delayed_.erase(std::prev(delayed_.end()));
}

void Server::expire(Time now) {
    while (!delayed_.empty() && delayed_.begin()->first <= now) {
        const auto& [on, request] = delayed_.begin()->second;
        reply({now, on, request.to, request}, With::nothing);
        delayed_.erase(delayed_.begin());
    }
    budget_.expire(now);
}

std::optional<Time> Server::deadline() const {
    auto due = budget_.deadline();
    if (!delayed_.empty() && (!due || delayed_.begin()->first < *due))
        due = delayed_.begin()->first;
    return due;
}

std::optional<Outgoing> Server::next_send() {
    if (sends_.empty()) return budget_.next_send();
    Outgoing send = std::move(sends_.front());
    sends_.pop_front();
    return send;
}

std::optional<ServerEvent> Server::next_event() {
    if (events_.empty()) return std::nullopt;
    ServerEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
}

}  // namespace kp2p::proto::dht
