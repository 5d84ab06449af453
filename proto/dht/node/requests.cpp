#include "proto/dht/node/requests.hpp"

#include <algorithm>
#include <utility>

namespace kp2p::proto::dht {
namespace {

constexpr Span constant_timeout = std::chrono::milliseconds(1000);
constexpr unsigned sampled_transmissions = 2;  // a later one may have been answered long ago

}  // namespace

bool answers_alone(const AnyCommand& command) {
    if (const auto* internal = std::get_if<InternalCommand>(&command))
        return *internal != InternalCommand::ping_nat && *internal != InternalCommand::delayed_ping;
    const Command ours = std::get<Command>(command);
    return ours != Command::peer_handshake && ours != Command::peer_holepunch;
}

Result<RequestKey> Requests::ask(Time now, Ask ask) {
    if (pending_.size() >= max_pending) return Errc::too_long;
    while (by_tid_.contains(next_tid_)) ++next_tid_;
    Request request;
    request.tid = next_tid_++;
    request.to = ask.to;
    request.id = ask.sender;
    request.token = ask.token;
    request.command = ask.command;
    request.target = ask.target;
    request.value = ask.value;

    const RequestKey id{next_id_++};
    Pending& pending = pending_[id];
    pending.tid = request.tid;
    pending.bytes = encode(request);
    if (!ask.timeout && !answers_alone(ask.command)) ask.timeout = constant_timeout;
    pending.ask = std::move(ask);
    by_tid_[pending.tid] = id;
    if (!pending.ask.forced && (!blocked_.empty() || window_.full(now)))
        blocked_.push_back(id);
    else
        transmit(now, id, pending);
    return id;
}

void Requests::transmit(Time now, RequestKey id, Pending& pending) {
    if (pending.sent++ == 0) {
        window_.sent(now);
        pending.first_sent = now;
    }
    pending.due = now + timeout(now, pending);
    due_.emplace(pending.due, id);
    sends_.push_back({pending.ask.from, pending.ask.to, pending.bytes});
}

// A destination that is only busy gets a little longer before it counts as dead.
Span Requests::timeout(Time now, const Pending& pending) {
    if (pending.ask.timeout) return *pending.ask.timeout;
    const Span timeout = destinations_.timeout(now, pending.ask.to, pending.sent);
    return pending.sent > pending.ask.retries ? std::max(timeout, constant_timeout) : timeout;
}

void Requests::erase(Time now, RequestKey id) {
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    if (found->second.sent) window_.ended(now);
    due_.erase({found->second.due, id});
    by_tid_.erase(found->second.tid);
    pending_.erase(found);
}

void Requests::cancel(Time now, RequestKey id) { erase(now, id); }

bool Requests::receive(Time now, const Endpoint& from, Reply reply) {
    const auto tid = by_tid_.find(reply.tid);
    if (tid == by_tid_.end()) return false;
    const RequestKey id = tid->second;
    const Pending& pending = pending_.at(id);
    if (pending.ask.to != from || pending.sent == 0) return false;
    last_answer_ = now;
    unanswered_since_.reset();
    if (!pending.ask.timeout && pending.sent <= sampled_transmissions)
        destinations_.answered(now, from, now - pending.first_sent);
    events_.push_back({RequestEvent::Kind::reply, id, from, pending.ask.command, std::move(reply)});
    erase(now, id);
    return true;
}

void Requests::start_over(Time now) {
    for (const auto& [due, id] : std::exchange(due_, {})) {
        Pending& pending = pending_.at(id);
        pending.sent = 0;
        window_.ended(now);
        transmit(now, id, pending);
    }
}

void Requests::expire(Time now) {
    while (!due_.empty() && due_.begin()->first <= now) {
        const RequestKey id = due_.begin()->second;
        due_.erase(due_.begin());
        Pending& pending = pending_.at(id);
        const bool others_answer = last_answer_ && *last_answer_ >= pending.first_sent;
        if (!others_answer && !unanswered_since_ && answers_alone(pending.ask.command))
            unanswered_since_ = pending.first_sent;
        // While nobody answers the fault may be ours.
        if (!pending.ask.timeout && others_answer) destinations_.unanswered(now, pending.ask.to);
        if (pending.sent <= pending.ask.retries) {
            events_.push_back(
                {RequestEvent::Kind::slow, id, pending.ask.to, pending.ask.command, {}});
            transmit(now, id, pending);
            continue;
        }
        events_.push_back(
            {RequestEvent::Kind::failed, id, pending.ask.to, pending.ask.command, {}});
        erase(now, id);
    }
    drain_blocked(now);
}

void Requests::drain_blocked(Time now) {
    while (!blocked_.empty() && !window_.full(now)) {
        const RequestKey id = blocked_.front();
        blocked_.pop_front();
        if (const auto found = pending_.find(id); found != pending_.end())
            transmit(now, id, found->second);
    }
}

std::optional<Time> Requests::deadline() const {
    std::optional<Time> at;
    if (!due_.empty()) at = due_.begin()->first;
    if (!blocked_.empty() && (!at || window_.next_slot() < *at)) at = window_.next_slot();
    return at;
}

std::optional<Outgoing> Requests::next_send() {
    if (sends_.empty()) return std::nullopt;
    Outgoing send = std::move(sends_.front());
    sends_.pop_front();
    return send;
}

std::optional<RequestEvent> Requests::next_event() {
    std::optional<RequestEvent> event;
    if (events_.empty()) return event;
    event.emplace(std::move(events_.front()));
    events_.pop_front();
    return event;
}

}  // namespace kp2p::proto::dht
