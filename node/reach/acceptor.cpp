#include "node/reach/acceptor.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/reach/ipv6_door.hpp"
#include "node/reach/server_punch.hpp"
#include "node/reach/twin.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::Role;
using proto::dht::answerable;
using proto::dht::Firewall;
using proto::dht::PeerError;
using proto::dht::RateLimit;

constexpr std::chrono::seconds max_wait_for_client{10};
constexpr std::chrono::seconds max_punch{40};       // it ends by itself before
constexpr std::chrono::seconds slot_afterlife{10};  // for copies of the message that come late
// New handshakes from one source, from all that have not answered us lately, and from all that
// have. Each costs four scalar multiplications.
constexpr RateLimit::Limits source_limits{10, 50}, stranger_limits{400, 800},
    proven_limits{200, 400};
// Punches that are begun. Each asks four to eight nodes of the DHT, which are asked for all that is
// looked up as well.
constexpr proto::TokenBucket::Limits stranger_punches{3, 8}, proven_punches{7, 22};
constexpr unsigned ping_retries = 2;

}  // namespace

Acceptor::Acceptor(AcceptorParts parts)
    : parts_(std::move(parts)),
      sources_(parts_.runtime.clock.now(), source_limits, RateLimit::Per::endpoint),
      strangers_(parts_.runtime.clock.now(), stranger_limits),
      proven_(parts_.runtime.clock.now(), proven_limits),
      strangers_punches_(parts_.runtime.clock.now(), stranger_punches),
      proven_punches_(parts_.runtime.clock.now(), proven_punches) {}

Task<> Acceptor::run() {
    const NodeId& key = parts_.keys.public_key();
    auto done = co_await with_tasks([this, &key](Tasks& all) -> Task<> {
        tasks_ = &all;
        Listener listener;
        listener.handshake = [this](const IncomingHandshake& incoming) { on_handshake(incoming); };
        listener.holepunch = [this](const IncomingHolepunch& incoming) { on_holepunch(incoming); };
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
        send_answer(incoming, *known->second);
        return;
    }
    const Endpoint source = answerable(source_of(incoming));
    if (!may_enter(incoming, source)) return;
    auto slot = std::make_shared<Slot>(parts_.runtime.executor);
    slot->source = source;
    slot->proven = parts_.dht.is_proven(incoming.from);
    slot->serial = taken_++;
    slot->number = free_number();
    const auto theirs = greet(incoming, *slot);
    if (!theirs) return;
    if (parts_.pool) slot->keeper = parts_.pool->hold(incoming.on);
    make_room(source);
    slots_[message] = slot;
    start_punch(incoming, *theirs, slot);
    send_answer(incoming, *slot);
    if (slot->plan) tasks_->spawn(go_through_relay(slot));
    if (slot->open_client) tasks_->spawn(go_to_client(slot));
    tasks_->spawn(attend(message, slot));
}

void Acceptor::send_answer(const IncomingHandshake& incoming, const Slot& slot) {
    const bool punches = slot.punch && slot.punch->ready() && !slot.in_lan;
    parts_.dht.answer(punches ? slot.punch->socket() : incoming.on, incoming, slot.answer);
}

void Acceptor::start_punch(const IncomingHandshake& incoming, const NoisePayload& theirs,
                           const std::shared_ptr<Slot>& slot) {
    if (!slot->stream || !incoming.relayed()) return;
    std::vector<Endpoint> places;
    if (parts_.door) places = parts_.door->places(theirs.addresses6);
    // Whoever is open at its IPv4 address may be so for others, and over IPv6 for nobody.
    const bool punches = parts_.pool && !slot->open_client && !parts_.dht.remote_address();
    if (!punches && places.empty()) return;
    auto& starts = slot->proven ? proven_punches_ : strangers_punches_;
    if (!starts.spend(parts_.runtime.clock.now())) return;
    if (!places.empty()) tasks_->spawn(parts_.door->knock(std::move(places)));
    if (!punches) return;
    make_room_to_punch(*slot);
    auto permit = parts_.pool->budget().punch(slot->keys.remote, Role::responder);
    if (!permit) return;
    std::optional<Endpoint> greeted_from;
    if (parts_.announcer.is_relay(incoming.from)) greeted_from = incoming.client();
    const auto changed = [weak = std::weak_ptr(slot)] {
        if (const auto there = weak.lock()) there->changed.notify_all();
    };
    slot->punch = std::make_shared<ServerPunch>(ServerPunchParts{
        .runtime = parts_.runtime,
        .dht = parts_.dht,
        .pool = *parts_.pool,
        .permit = std::move(permit),
        .secret = proto::dht::HolepunchSecret(proto::holepunch_secret(slot->keys.hash).view()),
        .said_firewall = theirs.firewall,
        .greeted_from = greeted_from,
        .draws_ports = draws_ports(parts_.dht),
        .knock = first_packet(slot->peer),
        .changed = changed});
    tasks_->spawn(ServerPunch::run(slot->punch));
    // A client in our LAN comes to the server port, which the answer's source shows it.
    if (incoming.client().host != incoming.request.to.host) return;
    std::vector<Endpoint> in_lans;
    for (const Endpoint& address : theirs.addresses4)
        if (proto::dht::is_private(address)) in_lans.push_back(address);
    const auto ours = local_addresses(parts_.dht.port(SocketId::server)->socket().local());
    slot->in_lan = proto::dht::match_address({ours, in_lans}).has_value();
}

// An honest client begins within a second or two; whoever only greets goes for those that come.
// And one that greets over and over may have been started anew each time.
void Acceptor::make_room_to_punch(const Slot& newcomer) {
    const auto& budget = parts_.pool->budget();
    const NodeId& peer = newcomer.keys.remote;
    const bool for_peer = budget.full(peer, Role::responder);
    if (!for_peer && !budget.full(Role::responder)) return;
    Slot* first = nullptr;
    for (const auto& [message, slot] : slots_) {
        if (!slot->punch || !slot->punch->ready() || slot->punch->punching()) continue;
        if (for_peer ? slot->keys.remote != peer : slot->proven && !newcomer.proven) continue;
        if (!first || slot->rank() < first->rank()) first = slot.get();
    }
    if (first) first->punch->stop();
}

// For one whose client is known by the secret that only it and we have.
void Acceptor::on_holepunch(const IncomingHolepunch& incoming) {
    for (const auto& [message, slot] : slots_) {
        if (slot->number != incoming.message.id) continue;
        if (slot->punch) slot->punch->received(incoming, parts_.announcer.is_relay(incoming.from));
        return;
    }
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
        return b == slots_.end() || a->second->rank() < b->second->rank();
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
    if (at->second->punch) at->second->punch->stop();
    at->second->changed.notify_all();
    slots_.erase(at);
}

std::size_t Acceptor::free_number() const {
    std::vector<char> taken(slots_.size() + 1);
    for (const auto& [message, slot] : slots_)
        if (slot->number < taken.size()) taken[slot->number] = 1;
    return static_cast<std::size_t>(std::find(taken.begin(), taken.end(), 0) - taken.begin());
}

Result<NoisePayload> Acceptor::greet(const IncomingHandshake& incoming, Slot& slot) {
    proto::Noise noise = noise_responder(parts_.runtime.random, parts_.keys);
    auto plain = noise.read(incoming.message.noise);
    if (!plain) return plain.error();
    auto theirs = NoisePayload::decode(*plain);
    if (!theirs) return theirs.error();
    const bool is_twin = *noise.remote() == parts_.keys.public_key() && parts_.twin &&
                         !parts_.twin->is_ours(incoming.message.noise);
    if (is_twin)
        parts_.twin->seen(incoming.client().text());
    else if (!parts_.welcome(*noise.remote()))
        return Errc::refused;

    Result<UdxPeer> peer = Errc::refused;
    if (!is_twin) peer = udx_peer_of(*theirs);
    PeerError error = PeerError::none;
    if (theirs->version != 1) {
        error = PeerError::version_mismatch;
    } else if (!peer) {
        error = PeerError::aborted;
    }
    if (peer) {
        slot.peer = *peer;
        slot.stream = std::make_unique<UdxByteStream>(parts_.udx);
        slot.stream->on_path([this, &slot](const UdxPath& path) {
            if (!slot.path) slot.path = parts_.pool ? parts_.pool->keeping(path) : path;
            slot.changed.notify_all();
        });
        if (parts_.pool)
            slot.stream->keep_paths(
                [pool = parts_.pool](UdxPath path) { return pool->keeping(std::move(path)); });
        slot.socket = parts_.dht.default_socket();
        if (incoming.relayed() && theirs->firewall == Firewall::open)
            slot.open_client = incoming.client();
        plan_relay(incoming, *theirs, *noise.remote(), slot);
    }
    auto answer = noise.write(our_payload(slot, error).encode());
    if (!answer) return answer.error();
    slot.answer = std::move(*answer);
    slot.keys = noise.keys();
    return theirs;
}

// A client that anybody can reach, or that has reached us, needs none, nor does one of an open
// node; but one that asks for it knows better.
void Acceptor::plan_relay(const IncomingHandshake& incoming, const NoisePayload& theirs,
                          const NodeId& client, Slot& slot) {
    const bool open = !incoming.relayed() || slot.open_client || parts_.dht.remote_address();
    if (!parts_.relays || (open && !theirs.relay_through)) return;
    if (!theirs.relay_through && needs_relay(parts_.dht))
        slot.our_relay = offer_relay(*parts_.relays, parts_.runtime.random, client);
    const RelayOffers offers{slot.our_relay, theirs.relay_through};
    slot.plan = plan_of(offers, Role::responder, slot.stream->id());
}

NoisePayload Acceptor::our_payload(const Slot& slot, PeerError error) {
    NoisePayload payload = own_payload(parts_.dht, slot.stream ? slot.stream->id() : 0);
    payload.error = error;
    payload.relay_through = slot.our_relay;
    if (payload.firewall != Firewall::open)
        payload.holepunch = NoisePayload::Holepunch{slot.number, parts_.announcer.relays()};
    const auto relays = parts_.announcer.relay_addresses();
    if (!relays.empty()) payload.relay_addresses = relays;
    return payload;
}

Task<> Acceptor::attend(Hash32 message, std::shared_ptr<Slot> slot) {
    if (slot->stream) {
        auto found = co_await find_path(slot);
        const bool relayed = slot->path && slot->path->relay_id;
        if (slot->punch && !relayed) slot->punch->stop();
        if (!found && found.error() == asio::error::operation_aborted) co_return;
        if (slot->path) {
            slot->stream->connect(*slot->path, slot->peer);
            slot->path.reset();  // the stream holds its socket
            if (relayed)
                tasks_->spawn(keep_leg(parts_.runtime.clock, slot->stream->handle(),
                                       std::exchange(slot->relay_hold, nullptr)));
            parts_.accepted(Link{std::move(slot->stream), slot->keys});
        }
        slot->stream.reset();
        if (relayed && slot->punch) co_await end_punch(slot);
    }
    const auto end = parts_.runtime.clock.now() + slot_afterlife;
    for (auto now = parts_.runtime.clock.now(); !slot->given_up && now < end;
         now = parts_.runtime.clock.now()) {
        auto woken = co_await with_timeout(parts_.runtime.clock, end - now, slot->changed.wait());
        if (!woken && woken.error() == asio::error::operation_aborted) co_return;
    }
    if (!slot->given_up) slots_.erase(message);
}

// Of one who is connected through a relay meanwhile: where it comes from then, the stream will see.
Task<> Acceptor::end_punch(std::shared_ptr<Slot> slot) {
    const auto until = parts_.runtime.clock.now() + max_punch;
    for (auto now = parts_.runtime.clock.now();
         !slot->given_up && slot->punch->ready() && now < until; now = parts_.runtime.clock.now()) {
        auto woken = co_await with_timeout(parts_.runtime.clock, until - now, slot->changed.wait());
        if (!woken && woken.error() == asio::error::operation_aborted) co_return;
    }
    slot->punch->stop();
}

Task<> Acceptor::go_through_relay(std::shared_ptr<Slot> slot) {
    auto leg = co_await take_leg(parts_.runtime.clock, *parts_.relays, *slot->plan);
    if (!leg || slot->path || slot->given_up || !slot->stream) co_return;
    slot->path = parts_.pool ? parts_.pool->keeping(leg->path) : leg->path;
    slot->relay_hold = std::move(leg->hold);
    slot->changed.notify_all();
}

// It may come over IPv6 meanwhile, where IPv4 does not lead from here to there.
Task<> Acceptor::go_to_client(std::shared_ptr<Slot> slot) {
    const Endpoint client = *slot->open_client;
    if (slot->plan || !parts_.dht.is_proven(client)) {
        auto pong = co_await parts_.dht.ping(slot->socket, client, ping_retries);
        if (!pong) co_return;
    }
    if (slot->path || slot->given_up || !slot->stream) co_return;
    slot->path = UdxPath{&parts_.dht.port(slot->socket)->socket(), client};
    slot->changed.notify_all();
}

Task<Result<void>> Acceptor::find_path(std::shared_ptr<Slot> slot) {
    // The client has this long to come, and longer while both sides punch.
    const auto until = parts_.runtime.clock.now() + max_wait_for_client;
    while (!slot->path && !slot->given_up) {
        const auto now = parts_.runtime.clock.now();
        const bool punching = slot->punch && slot->punch->punching();
        if (now >= until && !punching) co_return Errc::timed_out;
        const Clock::Span wait = punching ? max_punch : until - now;
        auto woken = co_await with_timeout(parts_.runtime.clock, wait, slot->changed.wait());
        if (!woken && (punching || woken.error() == asio::error::operation_aborted))
            co_return woken;
    }
    co_return ok;
}

}  // namespace kp2p
