#include "node/swarm/acceptor.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::dht::Firewall;
using proto::dht::PeerError;
using proto::dht::SocketId;

constexpr std::chrono::seconds max_wait_for_client{10};
constexpr std::chrono::seconds slot_afterlife{10};  // for copies of the message that come late
// New handshakes from one source: each costs four scalar multiplications.
constexpr proto::dht::RateLimit::Limits stranger_limits{10, 50};

}  // namespace

Acceptor::Acceptor(AcceptorParts parts)
    : parts_(std::move(parts)), strangers_(parts_.clock.now(), stranger_limits) {}

Task<> Acceptor::run() {
    const NodeId& key = parts_.keys.public_key();
    auto done = co_await with_tasks([this, &key](Tasks& all) -> Task<> {
        tasks_ = &all;
        Listener listener;
        listener.handshake = [this](const IncomingHandshake& incoming) { on_handshake(incoming); };
        parts_.dht.listen(key, std::move(listener));
        Event never(parts_.executor);
        for (;;) {
            auto woken = co_await never.wait();
            if (!woken) co_return;
        }
    });
    (void)done;
    parts_.dht.unlisten(key);
    slots_.clear();
}

void Acceptor::on_handshake(const IncomingHandshake& incoming) {
    const Hash32 message = proto::blake2b_256(incoming.message.noise);
    const auto known = slots_.find(message);
    if (known != slots_.end()) {
        parts_.dht.answer(incoming.on, incoming, known->second->answer);
        return;
    }
    const Endpoint source = source_of(incoming);
    if (!has_room(source) || !strangers_.allow(parts_.clock.now(), source)) return;
    auto slot = std::make_shared<Slot>(parts_.executor);
    slot->number = free_number();
    slot->source = source;
    if (!greet(incoming, *slot)) return;
    slots_[message] = slot;
    parts_.dht.answer(incoming.on, incoming, slot->answer);
    tasks_->spawn(attend(message, slot));
}

// Whoever is known to have sent it. Only our own relays are believed when they say who that was:
// anyone can send a message that looks relayed, in the name of as many clients as it likes.
Endpoint Acceptor::source_of(const IncomingHandshake& incoming) const {
    if (!incoming.relayed() || !parts_.announcer.is_relay(incoming.from)) return incoming.from;
    const auto& first = incoming.message.relay;  // the relay before ours, if there are two
    if (first && !parts_.announcer.is_relay(*first)) return *first;
    return incoming.client();
}

bool Acceptor::has_room(const Endpoint& source) const {
    std::size_t waiting = 0, from_there = 0;
    for (const auto& [message, slot] : slots_) {
        if (!slot->stream) continue;
        waiting++;
        if (slot->source.host == source.host) from_there++;
    }
    return slots_.size() < max_answers && waiting < max_handshakes &&
           from_there < max_handshakes_of_host;
}

std::size_t Acceptor::free_number() const {
    std::vector<char> taken(slots_.size() + 1);
    for (const auto& [message, slot] : slots_)
        if (slot->number < taken.size()) taken[slot->number] = 1;
    return static_cast<std::size_t>(std::find(taken.begin(), taken.end(), 0) - taken.begin());
}

Result<void> Acceptor::greet(const IncomingHandshake& incoming, Slot& slot) {
    proto::Noise noise = noise_responder(parts_.keys);
    auto plain = noise.read(incoming.message.noise);
    if (!plain) return plain.error();
    auto theirs = NoisePayload::decode(*plain);
    if (!theirs) return theirs.error();
    if (!parts_.welcome(*noise.remote())) return Errc::refused;

    auto peer = udx_peer_of(*theirs);
    PeerError error = PeerError::none;
    if (theirs->version != 1) {
        error = PeerError::version_mismatch;
    } else if (!peer) {
        error = PeerError::aborted;
    }
    if (peer) {
        slot.peer = *peer;
        slot.stream = std::make_unique<UdxByteStream>(parts_.udx);
        slot.stream->on_path([&slot](const UdxPath& path) {
            if (!slot.path) slot.path = path;
            slot.path_found.notify_all();
        });
        const bool direct = !incoming.relayed();
        const SocketId from = direct ? incoming.on : parts_.dht.default_socket();
        if (direct || theirs->firewall == Firewall::open)
            slot.path = UdxPath{&parts_.dht.port(from)->socket(), incoming.client()};
    }
    auto answer = noise.write(our_payload(slot, error).encode());
    if (!answer) return answer.error();
    slot.answer = std::move(*answer);
    slot.keys = noise.keys();
    return ok;
}

NoisePayload Acceptor::our_payload(const Slot& slot, PeerError error) {
    NoisePayload payload = own_payload(parts_.dht, slot.stream ? slot.stream->id() : 0);
    payload.error = error;
    if (payload.firewall != Firewall::open)
        payload.holepunch = NoisePayload::Holepunch{slot.number, parts_.announcer.relays()};
    const auto relays = parts_.announcer.relay_addresses();
    if (!relays.empty()) payload.relay_addresses = relays;
    return payload;
}

Task<> Acceptor::attend(Hash32 message, std::shared_ptr<Slot> slot) {
    if (slot->stream) {
        auto waited = co_await wait_for_path(slot);
        if (!waited && waited.error() == asio::error::operation_aborted) co_return;
        if (slot->path) {
            slot->stream->connect(*slot->path, slot->peer);
            parts_.accepted(Link{std::move(slot->stream), slot->keys});
        }
        slot->stream.reset();
    }
    auto slept = co_await parts_.clock.sleep_for(slot_afterlife);
    if (slept) slots_.erase(message);
}

Task<Result<void>> Acceptor::wait_for_path(std::shared_ptr<Slot> slot) {
    while (!slot->path) {
        auto woken =
            co_await with_timeout(parts_.clock, max_wait_for_client, slot->path_found.wait());
        if (!woken) co_return woken;
    }
    co_return ok;
}

}  // namespace kp2p
