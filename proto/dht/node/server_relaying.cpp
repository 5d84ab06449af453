// Server: handshakes and hole punches, for servers of our own or passed on.
#include <utility>

#include "proto/dht/node/server.hpp"

namespace kp2p::proto::dht {

void Server::handshake(const Incoming& in) {
    if (!in.request.target || !in.request.value) return;
    auto message = PeerHandshake::decode(*in.request.value);
    if (!message) return;
    const bool to_server = message->mode == Mode::from_client ||
                           message->mode == Mode::from_relay ||
                           message->mode == Mode::from_second_relay;
    if (listening_.contains(*in.request.target) && to_server) {
        if (message->mode != Mode::from_client && !message->peer) return;
        if (!budget_.pays(in.now, in.from, in.request.value->size())) return;
        events_.push_back(ForUs<PeerHandshake>{in.on, in.from, in.request, std::move(*message)});
        return;
    }
    relay(in, std::move(*message));
}

// At the cost of whoever asks for it.
void Server::relay(const Incoming& in, const Endpoint& to, ByteVector value) {
    if (budget_.pays(in.now, in.from, value.size()))
        forward(in.on, to, in.request, std::move(value));
}

void Server::relay(const Incoming& in, PeerHandshake message) {
    if (message.noise.empty()) return;
    const auto route = this->route(in.now, *in.request.target);
    switch (message.mode) {
        case Mode::from_client: {
            const auto to = message.relay ? message.relay : route;
            if (!to) return reply(in, With::closer_nodes);
            if (to != route && !foreign_.allow(in.now, in.from)) return;
            const PeerHandshake next{Mode::from_relay, message.noise, in.from, std::nullopt};
            return relay(in, *to, next.encode());
        }
        case Mode::from_relay: {
            if (!route || !message.peer) return;
            const PeerHandshake next{Mode::from_second_relay, message.noise, message.peer, in.from};
            return relay(in, *route, next.encode());
        }
        case Mode::from_server: {
            if (!message.peer || !foreign_.allow(in.now, in.from)) return;
            if (!budget_.pays(in.now, in.from, message.noise.size())) return;
            Reply reply;
            reply.tid = in.request.tid;
            reply.value = PeerHandshake{Mode::reply, message.noise, in.from, std::nullopt}.encode();
            return pass_back(in.on, *message.peer, std::move(reply));
        }
        default:
            return;
    }
}

void Server::holepunch(const Incoming& in) {
    if (!in.request.target || !in.request.value) return;
    auto message = PeerHolepunch::decode(*in.request.value);
    if (!message) return;
    switch (message->mode) {
        case Mode::from_client: {
            const auto route = this->route(in.now, *in.request.target);
            const auto to = message->peer ? message->peer : route;
            if (!to || (to != route && !foreign_.allow(in.now, in.from))) return;
            const PeerHolepunch next{Mode::from_relay, message->id, message->payload, in.from};
            return relay(in, *to, next.encode());
        }
        case Mode::from_relay:
            if (message->peer && listening_.contains(*in.request.target))
                events_.push_back(
                    ForUs<PeerHolepunch>{in.on, in.from, in.request, std::move(*message)});
            return;
        case Mode::from_server: {
            if (!message->peer || !foreign_.allow(in.now, in.from)) return;
            if (!budget_.pays(in.now, in.from, message->payload.size())) return;
            Reply reply;
            reply.tid = in.request.tid;
            reply.value =
                PeerHolepunch{Mode::reply, message->id, message->payload, in.from}.encode();
            return pass_back(in.on, *message->peer, std::move(reply));
        }
        default:
            return;
    }
}

void Server::answer(SocketId from, const ForUs<PeerHandshake>& in, ByteVector noise) {
    if (in.message.mode == Mode::from_client) {
        Reply reply;
        reply.tid = in.request.tid;
        reply.value =
            PeerHandshake{Mode::reply, std::move(noise), std::nullopt, std::nullopt}.encode();
        return pass_back(from, in.from, std::move(reply));
    }
    const auto to = in.message.mode == Mode::from_relay ? in.from : in.message.relay;
    if (!to) return;
    const PeerHandshake next{Mode::from_server, std::move(noise), in.message.peer, std::nullopt};
    forward(from, *to, in.request, next.encode());
}

void Server::answer(SocketId from, const ForUs<PeerHolepunch>& in, ByteVector payload) {
    const PeerHolepunch next{Mode::from_server, 0, std::move(payload), in.message.peer};
    forward(from, in.from, in.request, next.encode());
}

}  // namespace kp2p::proto::dht
