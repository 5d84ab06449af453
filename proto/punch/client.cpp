#include "proto/punch/client.hpp"

#include <algorithm>
#include <utility>

namespace kp2p::proto::punch {
namespace {

using dht::HolepunchPayload;
using dht::PeerError;

constexpr std::chrono::seconds unknown_pause{1};  // for a server that does not know its NAT yet
constexpr unsigned max_reopens = 3;

}  // namespace

Client::Client(Time now, Setup setup)
    : setup_(std::move(setup)),
      course_(setup_.course),
      nat_(setup_.reach),
      remote_(setup_.said_firewall),
      punching_(setup_.budget),
      server_(setup_.server),
      reached_(setup_.server) {
    remote_.seen(setup_.said_relay.peer);
    remote_.seen(server_);
    ask(now, Again::may);
    if (setup_.draws_ports) knocks_.begin(now, server_);
    if (!setup_.draws_ports && !remote_.kind().consistent()) act(Admit{server_});  // it may knock
    expire(now);
}

NatKind Client::told_kind() const {
    NatKind kind = nat_.kind();
    if (course_ == Course::random && kind.consistent()) kind.firewall = Firewall::random;
    return kind;
}

HolepunchPayload Client::payload() {
    HolepunchPayload payload;
    tell(payload, nat_, remote_);
    if (nat_.kind().consistent()) payload.firewall = told_kind().firewall;
    payload.round = round_++;
    return payload;
}

// The first packet towards the server opens our NAT for the one that the server sends at once.
void Client::ask(Time, Again again) {
    state_ = State::asking;
    again_ = again;
    open_session(server_);
    HolepunchPayload payload = this->payload();
    payload.remote_address = server_;
    act(ClientAsks{setup_.said_relay.relay, setup_.said_relay.peer, std::move(payload)});
}

void Client::replied(Time now, const Reply& reply) {
    if (state_ != State::asking && state_ != State::announcing) return;
    const HolepunchPayload& said = reply.payload;
    if (said.error != PeerError::none)
        return give_up(said.error == PeerError::try_later ? Failure::busy : Failure::refused);
    if (state_ == State::announcing) {
        const auto token = dht::address_token(setup_.secret, server_);
        const bool echoed = said.remote_token == token;
        remote_.update(said, echoed ? std::optional(server_) : std::nullopt);
        if (!said.punching) return give_up(Failure::refused);
        return punch(now);
    }
    remote_.update(said, std::nullopt);
    if (remote_.kind().random()) knocks_.stop();
    their_token_ = said.token;
    reached_ = reply.server;
    remote_.seen(reply.server);
    nat_.add({reply.client, setup_.said_relay.relay});
    if (remote_.kind().firewall == Firewall::unknown) {
        state_ = State::pausing;
        pause_ends_ = now + unknown_pause;
        return;
    }
    settle(now);
}

void Client::unanswered(Time) {
    if (state_ == State::asking || state_ == State::announcing) give_up(Failure::not_answered);
}

bool Client::unstable() const {
    const NatKind ours = nat_.kind(), theirs = remote_.foreseen();
    if (ours.sequential() && theirs.sequential()) return false;
    return ours.firewall == Firewall::unknown || (ours.random() && theirs.random());
}

// After the server's answer, and whenever more is known of our own NAT.
void Client::settle(Time now) {
    const bool was_reopening = state_ == State::reopening;
    state_ = was_reopening ? State::reopening : State::looking;
    if (!nat_.decided()) return;
    if (unstable() && reopened_ < max_reopens) {
        reopened_++;
        state_ = State::reopening;
        nat_ = nat_.reopened();
        return act(Reopen());
    }
    if (was_reopening && nat_.kind().consistent()) return ask(now, Again::may_not);
    const bool incomplete = remote_.kind().firewall == Firewall::unknown || !their_token_;
    if (incomplete && again_ == Again::may) return ask(now, Again::may_not);
    const bool unknown =
        nat_.kind().firewall == Firewall::unknown || remote_.kind().firewall == Firewall::unknown;
    if (unknown) return abort(Failure::nat_unknown);
    if (nat_.kind().random() && remote_.kind().random() && unstable())
        return abort(Failure::both_random);
    announce(now);
}

void Client::announce(Time) {
    // The server has taken another socket: its NAT was not what it seemed.
    if (setup_.said_relay.relay == setup_.relay && reached_ != server_) {
        server_ = reached_;
        open_session(server_);
    }
    nat_.freeze();
    knocks_.stop();
    // No harm is done by a packet from a port that the server will hardly ever send to; and it gets
    // through where the server's NAT lets in what comes from our host, or from anywhere.
    if (nat_.kind().random() && remote_.kind().consistent())
        act(Probe{0, server_, Probe::Range::far});
    state_ = State::announcing;
    HolepunchPayload payload = this->payload();
    payload.punching = true;
    payload.token = dht::address_token(setup_.secret, server_);
    payload.remote_token = their_token_;
    act(ClientAsks{setup_.relay, server_, std::move(payload)});
}

void Client::punch(Time now) {
    const NatKind ours = told_kind();
    const Plan::Setup setup{.role = Role::initiator,
                            .ours = ours,
                            .theirs = remote_.foreseen(),
                            .targets = remote_.targets(),
                            .seed = setup_.seed};
    if (const auto why = punching_.begin(now, setup)) return give_up(*why);
    state_ = State::punching;
    expire(now);
}

void Client::give_up(Failure why) {
    if (state_ == State::done) return;
    state_ = State::done;
    punching_.stop();
    act(Failed{why});
}

// Tells the server, which need not answer.
void Client::abort(Failure why) {
    HolepunchPayload payload;
    payload.error = PeerError::aborted;
    payload.round = round_++;
    act(ClientAsks{setup_.said_relay.relay, setup_.said_relay.peer, std::move(payload)});
    give_up(why);
}

void Client::sampled(Time now, const dht::NatClassifier::Sample& sample) {
    if (state_ == State::done) return;
    nat_.add(sample);
    if (state_ == State::looking || state_ == State::reopening) settle(now);
}

void Client::samples_over(Time now) {
    if (state_ == State::done) return;
    nat_.exhaust();
    if (state_ == State::looking || state_ == State::reopening) settle(now);
}

// Of strangers' probes nothing is believed, or they could send our stream wherever they like.
void Client::probed(Time, std::size_t socket, const Endpoint& from) {
    if (state_ == State::done) return;
    const auto& lan = setup_.said_addresses;
    const bool expected = from.host == server_.host || remote_.has_host(from) ||
                          std::any_of(lan.begin(), lan.end(),
                                      [&](const Endpoint& at) { return at.host == from.host; });
    if (!expected) return;
    state_ = State::done;
    punching_.stop();
    act(Found{socket, from});
}

void Client::expire(Time now) {
    if (state_ == State::pausing && now >= pause_ends_) settle(now);
    if (state_ != State::done)
        if (const auto knock = knocks_.next(now, setup_.budget)) act(*knock);
    if (state_ != State::punching) return;
    while (const auto probe = punching_.next(now)) act(*probe);
    if (!punching_.over(now)) return;
    const bool other = nat_.kind().consistent() && !remote_.kind().random() && !turned_;
    if (!other || remote_.kind().firewall == Firewall::random) return give_up(Failure::no_hole);
    turned_ = true;
    course_ = course_ == Course::usual ? Course::random : Course::usual;
    announce(now);
}

std::optional<Time> Client::deadline() const {
    if (state_ == State::done) return std::nullopt;
    const auto knock = knocks_.deadline();
    if (state_ == State::pausing) return std::min(pause_ends_, knock.value_or(pause_ends_));
    if (state_ == State::punching) return punching_.deadline();
    return knock;
}

std::optional<ClientAction> Client::next_action() {
    if (actions_.empty()) return std::nullopt;
    ClientAction action = std::move(actions_.front());
    actions_.pop_front();
    return action;
}

}  // namespace kp2p::proto::punch
