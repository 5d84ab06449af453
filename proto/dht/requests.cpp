#include "proto/dht/requests.hpp"

#include <utility>

namespace kp2p::proto::dht {

Result<RequestId> Requests::ask(Time now, Ask ask) {
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

    const RequestId id{next_id_++};
    Pending& pending = pending_[id];
    pending.tid = request.tid;
    pending.bytes = encode(request);
    pending.ask = std::move(ask);
    by_tid_[pending.tid] = id;
    if (!pending.ask.forced && (!blocked_.empty() || window_.full(now)))
        blocked_.push_back(id);
    else
        transmit(now, id, pending);
    return id;
}

void Requests::transmit(Time now, RequestId id, Pending& pending) {
    if (pending.sent++ == 0) window_.sent(now);
    pending.due = now + pending.ask.timeout;
    due_.emplace(pending.due, id);
    sends_.push_back({pending.ask.from, pending.ask.to, pending.bytes});
}

void Requests::erase(Time now, RequestId id) {
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    if (found->second.sent) window_.ended(now);
    due_.erase({found->second.due, id});
    by_tid_.erase(found->second.tid);
    pending_.erase(found);
}

void Requests::cancel(Time now, RequestId id) { erase(now, id); }

bool Requests::receive(Time now, const Endpoint& from, Reply reply) {
    const auto tid = by_tid_.find(reply.tid);
    if (tid == by_tid_.end()) return false;
    const RequestId id = tid->second;
    const Pending& pending = pending_.at(id);
    if (pending.ask.to != from || pending.sent == 0) return false;
    events_.push_back({RequestEvent::Kind::reply, id, from, std::move(reply)});
    erase(now, id);
    return true;
}

void Requests::expire(Time now) {
    while (!due_.empty() && due_.begin()->first <= now) {
        const RequestId id = due_.begin()->second;
        due_.erase(due_.begin());
        Pending& pending = pending_.at(id);
        if (pending.sent == 1)
            events_.push_back({RequestEvent::Kind::slow, id, pending.ask.to, {}});
        if (pending.sent <= pending.ask.retries) {
            transmit(now, id, pending);
            continue;
        }
        events_.push_back({RequestEvent::Kind::failed, id, pending.ask.to, {}});
        erase(now, id);
    }
    drain_blocked(now);
}

void Requests::drain_blocked(Time now) {
    while (!blocked_.empty() && !window_.full(now)) {
        const RequestId id = blocked_.front();
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
