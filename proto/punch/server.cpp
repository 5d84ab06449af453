#include "proto/punch/server.hpp"

#include <utility>

namespace kp2p::proto::punch {
namespace {

using dht::HolepunchPayload;
using dht::PeerError;

constexpr unsigned max_reopenings = 3;
constexpr std::chrono::seconds other_idea{3};

}  // namespace

Server::Server(Time now, Setup setup)
    : setup_(std::move(setup)),
      nat_(setup_.reach),
      remote_(setup_.said_firewall),
      punching_(setup_.budget),
      echoes_(now, echoes) {
    if (!setup_.greeted_from) return;
    remote_.seen(*setup_.greeted_from);
    if (setup_.draws_ports && !remote_.kind().random())
        knocks_.begin(now, *setup_.greeted_from);
    else if (setup_.budget.spend_probe(now))
        act(Probe{0, *setup_.greeted_from, Probe::Range::near});
    expire(now);
}

void Server::received(Time now, Message message) {
    if (done_) return;
    const HolepunchPayload& said = message.payload;
    if (said.error != PeerError::none)
        return refuse(message.ticket, PeerError::aborted, Failure::refused);
    if (message.on_ours) nat_.add({message.to, message.relay});
    if (said.round >= round_) {
        round_ = said.round;
        if (message.ours) remote_.seen(message.client);
        const bool echoed =
            message.ours && said.remote_token == dht::address_token(setup_.secret, message.client);
        remote_.update(said, echoed ? std::optional(message.client) : std::nullopt);
        if (remote_.kind().random() || remote_.punching()) knocks_.stop();
    }
    if (waiting_.size() == max_waiting) waiting_.pop_front();
    waiting_.push_back(std::move(message));
    serve(now);
}

bool Server::unstable() const {
    const NatKind ours = nat_.kind(), theirs = remote_.foreseen();
    if (ours.sequential() && theirs.sequential()) return false;
    return ours.firewall == Firewall::unknown || (ours.random() && theirs.random());
}

void Server::serve(Time now) {
    while (!done_ && !waiting_.empty() && nat_.decided()) {
        if (!remote_.punching() && unstable()) {
            if (reopened_ == max_reopenings)
                return refuse(waiting_.front().ticket, PeerError::aborted,
                              nat_.kind().random() ? Failure::both_random : Failure::nat_unknown);
            reopened_++;
            nat_ = nat_.reopened();
            return act(Reopen());
        }
        const Message message = std::move(waiting_.front());
        waiting_.pop_front();
        answer(now, message);
    }
}

void Server::answer(Time now, const Message& message) {
    const HolepunchPayload& said = message.payload;
    // The client has opened its NAT for us; or, as ours is random, it at least shows its host,
    // which is enough where a NAT lets in what comes from there, or from anywhere.
    const bool invited = said.remote_address && nat_.is_ours(*said.remote_address);
    if (nat_.kind().consistent() ? invited : nat_.kind().random())
        act(Probe{0, message.client, Probe::Range::far});
    if (remote_.punching()) {
        const NatKind ours = nat_.kind();
        const auto why = punching_.begin(now, {.role = Role::responder,
                                               .ours = ours,
                                               .theirs = remote_.foreseen(),
                                               .targets = remote_.targets(),
                                               .seed = setup_.seed});
        over_.reset();
        if (why) {
            const bool busy = *why == Failure::busy;
            return refuse(message.ticket, busy ? PeerError::try_later : PeerError::aborted, *why);
        }
    }
    if (nat_.kind().firewall != Firewall::unknown) nat_.freeze();
    HolepunchPayload payload;
    tell(payload, nat_, remote_);
    payload.round = round_;
    payload.punching = punching_.under_way();
    if (message.ours) payload.token = dht::address_token(setup_.secret, message.client);
    payload.remote_token = said.token;
    act(ServerAnswers{message.ticket, std::move(payload), ServerAnswers::From::punching_socket});
    expire(now);
}

void Server::refuse(std::uint64_t ticket, PeerError error, Failure why) {
    HolepunchPayload payload;
    payload.error = error;
    payload.round = round_;
    act(ServerAnswers{ticket, std::move(payload), ServerAnswers::From::default_socket});
    done_ = true;
    punching_.stop();
    act(ServerEnds{why});
}

void Server::sampled(Time now, const dht::NatClassifier::Sample& sample) {
    if (done_) return;
    nat_.add(sample);
    serve(now);
}

void Server::samples_over(Time now) {
    if (done_) return;
    nat_.exhaust();
    serve(now);
}

void Server::probed(Time now, std::size_t socket, const Endpoint& from) {
    if (!done_ && echoes_.spend(now)) act(Probe{socket, from, Probe::Range::far});
}

void Server::expire(Time now) {
    if (done_) return;
    if (const auto knock = knocks_.next(now, setup_.budget)) act(*knock);
    while (const auto probe = punching_.next(now)) act(*probe);
    if (punching_.over(now)) {
        punching_.stop();
        over_ = now + other_idea;
    }
    if (!over_ || now < *over_) return;
    done_ = true;
    act(ServerEnds{Failure::no_hole});
}

void Server::stop() {
    done_ = true;
    punching_.stop();
    waiting_.clear();
    actions_.clear();
}

std::optional<Time> Server::deadline() const {
    if (done_) return std::nullopt;
    const auto knock = knocks_.deadline(), other = over_ ? over_ : punching_.deadline();
    return knock && other ? std::min(knock, other) : knock ? knock : other;
}

std::optional<ServerAction> Server::next_action() {
    if (actions_.empty()) return std::nullopt;
    ServerAction action = std::move(actions_.front());
    actions_.pop_front();
    return action;
}

}  // namespace kp2p::proto::punch
