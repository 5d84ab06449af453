#include "node/reach/acceptor.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::dht::answerable;
using proto::dht::Firewall;
using proto::dht::PeerError;
using proto::dht::RateLimit;

constexpr std::chrono::seconds max_wait_for_client{10};
constexpr std::chrono::seconds slot_afterlife{10};  // for copies of the message that come late
// New handshakes from one source, from all that have not answered us lately, and from all that
// have. Each costs four scalar multiplications.
constexpr RateLimit::Limits source_limits{10, 50}, stranger_limits{400, 800},
    proven_limits{200, 400};
constexpr unsigned ping_retries = 2;

}  // namespace

Acceptor::Acceptor(AcceptorParts parts)
    : parts_(std::move(parts)),
      sources_(parts_.runtime.clock.now(), source_limits, RateLimit::Per::endpoint),
      strangers_(parts_.runtime.clock.now(), stranger_limits),
      proven_(parts_.runtime.clock.now(), proven_limits) {}

Task<> Acceptor::run() {
    const NodeId& key = parts_.keys.public_key();
    auto done = co_await with_tasks([this, &key](Tasks& all) -> Task<> {
        tasks_ = &all;
        Listener listener;
        listener.handshake = [this](const IncomingHandshake& incoming) { on_handshake(incoming); };
        parts_.dht.listen(key, std::move(listener));
        Event never(parts_.runtime.executor);
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
    const Endpoint source = answerable(source_of(incoming));
    if (!may_enter(incoming, source)) return;
    auto slot = std::make_shared<Slot>(parts_.runtime.executor);
    slot->source = source;
    slot->proven = parts_.dht.is_proven(incoming.from);
    slot->serial = taken_++;
    slot->number = free_number();
    if (!greet(incoming, *slot)) return;
    make_room(source);
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

// Before anything is computed or kept for it.
bool Acceptor::may_enter(const IncomingHandshake& incoming, const Endpoint& source) {
    const auto now = parts_.runtime.clock.now();
    const bool proven = parts_.dht.is_proven(incoming.from);
    if (!proven) {
        if (!strangers_.spend(now)) {
            parts_.dht.ask_for_proof(incoming.on, incoming.from);
            return false;
        }
    }
    return sources_.allow(now, source) && (!proven || proven_.spend(now));
}

void Acceptor::make_room(const Endpoint& source) {
    std::size_t from_there = 0;
    auto oldest = slots_.end(), oldest_there = slots_.end();
    const auto is_older = [this](Slots::iterator a, Slots::iterator b) {
        return b == slots_.end() || std::pair(a->second->proven, a->second->serial) <
                                        std::pair(b->second->proven, b->second->serial);
    };
    for (auto at = slots_.begin(); at != slots_.end(); ++at) {
        if (is_older(at, oldest)) oldest = at;
        if (!at->second->stream || at->second->source != source) continue;
        from_there++;
        if (is_older(at, oldest_there)) oldest_there = at;
    }
    if (from_there >= max_handshakes_of_host) {
        give_up(oldest_there);
    } else if (slots_.size() >= max_handshakes) {
        give_up(oldest);
    }
}

void Acceptor::give_up(Slots::iterator at) {
    at->second->given_up = true;
    at->second->changed.notify_all();
    slots_.erase(at);
}

std::size_t Acceptor::free_number() const {
    std::vector<char> taken(slots_.size() + 1);
    for (const auto& [message, slot] : slots_)
        if (slot->number < taken.size()) taken[slot->number] = 1;
    return static_cast<std::size_t>(std::find(taken.begin(), taken.end(), 0) - taken.begin());
}

Result<void> Acceptor::greet(const IncomingHandshake& incoming, Slot& slot) {
    proto::Noise noise = noise_responder(parts_.runtime.random, parts_.keys);
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
            slot.changed.notify_all();
        });
        slot.socket = parts_.dht.default_socket();
        if (incoming.relayed() && theirs->firewall == Firewall::open)
            slot.open_client = incoming.client();
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
        auto found = co_await find_path(slot);
        if (!found && found.error() == asio::error::operation_aborted) co_return;
        if (slot->path) {
            slot->stream->connect(*slot->path, slot->peer);
            parts_.accepted(Link{std::move(slot->stream), slot->keys});
        }
        slot->stream.reset();
    }
    const auto end = parts_.runtime.clock.now() + slot_afterlife;
    for (auto now = parts_.runtime.clock.now(); !slot->given_up && now < end;
         now = parts_.runtime.clock.now()) {
        auto woken = co_await with_timeout(parts_.runtime.clock, end - now, slot->changed.wait());
        if (!woken && woken.error() == asio::error::operation_aborted) co_return;
    }
    if (!slot->given_up) slots_.erase(message);
}

Task<Result<void>> Acceptor::find_path(std::shared_ptr<Slot> slot) {
    if (slot->open_client && !parts_.dht.is_proven(*slot->open_client)) {
        auto pong = co_await parts_.dht.ping(slot->socket, *slot->open_client, ping_retries);
        if (!pong && pong.error() == asio::error::operation_aborted) co_return pong.error();
        if (!pong) slot->open_client.reset();
    }
    if (slot->open_client && !slot->path && !slot->given_up)
        slot->path = UdxPath{&parts_.dht.port(slot->socket)->socket(), *slot->open_client};
    while (!slot->path && !slot->given_up) {
        auto woken =
            co_await with_timeout(parts_.runtime.clock, max_wait_for_client, slot->changed.wait());
        if (!woken) co_return woken;
    }
    co_return ok;
}

}  // namespace kp2p
