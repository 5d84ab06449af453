#include "node/swarm/peer_book.hpp"

#include <algorithm>
#include <tuple>

namespace kp2p {
namespace {

constexpr unsigned normal_priority = 2;

}  // namespace

std::optional<unsigned> dial_priority(const PeerPast& past) {
    // One failure moves a peer to the front: most often it was bad luck.
    constexpr unsigned of_attempts[] = {normal_priority, 4, 3, 1};
    if (past.attempts >= std::size(of_attempts)) return std::nullopt;
    return of_attempts[past.attempts];
}

std::optional<RetryDelay> retry_delay(const PeerPast& past) {
    constexpr RetryDelay steps[] = {RetryDelay::short_delay, RetryDelay::medium_delay,
                                    RetryDelay::long_delay, RetryDelay::long_delay};
    if (past.attempts > 3) return std::nullopt;
    if (past.attempts == 0) return RetryDelay::short_delay;
    return steps[past.proven ? past.attempts - 1 : past.attempts];
}

PeerBook::PeerBook(const NodeId& ourselves, std::uint64_t seed)
    : ourselves_(ourselves), random_(seed) {}

void PeerBook::discovered(Time now, const Topic& topic, const NodeId& id,
                          const std::vector<Endpoint>& relays) {
    if (id == ourselves_) return;
    const auto found = peers_.find(id);
    if (found == peers_.end() && peers_.size() >= max_peers) {
        const auto forgettable = std::find_if(peers_.begin(), peers_.end(), [](const auto& entry) {
            return entry.second.state == State::idle;
        });
        if (forgettable == peers_.end()) return;
        peers_.erase(forgettable);
    }
    Peer& peer = peers_[id];
    peer.topics.insert(topic);
    if (!relays.empty())
        peer.relays.assign(relays.begin(), relays.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                relays.size(), max_relays)));
    if (peer.state == State::dialing || peer.state == State::connected) return;
    const bool waits = peer.state == State::due && peer.due > now;
    if (dial_priority(peer.past).value_or(0) < normal_priority || (!peer.dialed_by_us && !waits))
        peer.past = {};
    if (waits) return;  // a retry is planned
    peer.state = State::due;
    peer.due = now;
    peer.order = random_();
}

void PeerBook::left(const Topic& topic) {
    for (auto& [id, peer] : peers_) {
        peer.topics.erase(topic);
        if (peer.topics.empty() && peer.state == State::due) peer.state = State::idle;
    }
    std::erase_if(peers_, [](const auto& entry) {
        return entry.second.state == State::idle && entry.second.topics.empty();
    });
}

std::optional<NodeId> PeerBook::next_dial(Time now, const Need& need) {
    auto best = peers_.end();
    std::tuple<unsigned, unsigned, std::uint64_t> best_rank;
    for (auto at = peers_.begin(); at != peers_.end(); ++at) {
        const Peer& peer = at->second;
        if (peer.state != State::due || peer.due > now) continue;
        const std::tuple rank(need(peer.topics), dial_priority(peer.past).value_or(0), peer.order);
        if (std::get<0>(rank) == 0) continue;
        if (best != peers_.end() && rank <= best_rank) continue;
        best = at;
        best_rank = rank;
    }
    if (best == peers_.end()) return std::nullopt;
    best->second.state = State::dialing;
    return best->first;
}

std::optional<PeerBook::Time> PeerBook::deadline(const Need& need) const {
    std::optional<Time> first;
    for (const auto& [id, peer] : peers_) {
        if (peer.state != State::due || (first && peer.due >= *first)) continue;
        if (need(peer.topics) > 0) first = peer.due;
    }
    return first;
}

std::vector<Endpoint> PeerBook::relays(const NodeId& id) const {
    const auto found = peers_.find(id);
    return found == peers_.end() ? std::vector<Endpoint>() : found->second.relays;
}

std::set<Topic> PeerBook::topics(const NodeId& id) const {
    const auto found = peers_.find(id);
    return found == peers_.end() ? std::set<Topic>() : found->second.topics;
}

void PeerBook::dialing(const NodeId& id) { peers_[id].state = State::dialing; }

void PeerBook::dial_failed(Time now, const NodeId& id, Answered answered) {
    const auto found = peers_.find(id);
    if (found == peers_.end() || found->second.state != State::dialing) return;
    Peer& peer = found->second;
    peer.past.attempts++;
    peer.spoilt = answered == Answered::yes && peer.past.attempts == 1;
    retry(now, found);
}

void PeerBook::connected(const NodeId& id, Dialed who) {
    Peer& peer = peers_[id];
    peer.state = State::connected;
    peer.past.proven = true;
    peer.spoilt = false;
    peer.dialed_by_us = who == Dialed::by_us;
}

void PeerBook::closed(Time now, const NodeId& id, Span lived) {
    const auto found = peers_.find(id);
    if (found == peers_.end()) return;
    Peer& peer = found->second;
    if (peer.state == State::dialing) return dial_failed(now, id, Answered::yes);
    if (peer.state != State::connected) return;
    if (lived >= good_life) peer.past.attempts = 0;
    peer.past.attempts++;
    retry(now, found);
}

void PeerBook::retry(Time now, Peers::iterator at) {
    Peer& peer = at->second;
    if (peer.topics.empty()) {  // it is of no more interest
        peers_.erase(at);
        return;
    }
    const auto delay = retry_delay(peer.past);
    peer.state = State::idle;
    if (!delay) return;
    peer.state = State::due;
    peer.due = now + delay_of(peer.spoilt ? RetryDelay::short_delay : *delay);
    peer.order = random_();
}

PeerBook::Span PeerBook::delay_of(RetryDelay delay) {
    using std::chrono::milliseconds;
    struct Range {
        unsigned base_ms, jitter_ms;
    };
    constexpr Range ranges[] = {{1000, 500}, {5000, 1000}, {15000, 2000}};
    const Range range = ranges[static_cast<std::size_t>(delay)];
    return milliseconds(range.base_ms + random_() % (range.jitter_ms + 500));
}

bool PeerBook::unsettled(const Topic& topic, bool needed) const {
    return std::any_of(peers_.begin(), peers_.end(), [&](const auto& entry) {
        const Peer& peer = entry.second;
        const bool lost = peer.past.attempts == 1 && peer.past.proven;
        const bool soon = peer.past.attempts == 0 || peer.spoilt || lost;
        const bool under_way =
            peer.state == State::dialing || (needed && peer.state == State::due && soon);
        return under_way && peer.topics.contains(topic);
    });
}

}  // namespace kp2p
