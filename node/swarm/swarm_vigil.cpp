// Connections of the swarm that carry nothing any more, and the way back to the node.
#include <algorithm>
#include <utility>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/swarm/swarm.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr Clock::Span idle_look_interval = 1s, lone_look_interval = 3s;
constexpr std::size_t max_redials = 16;  // nodes at a time
constexpr Clock::Span first_redial_pause = 500ms, longest_redial_pause = 5s;
constexpr Clock::Span max_redial = 10s;
// Until others have seen us where we are now; and between further attempts, as they fail.
constexpr Clock::Span first_direct_wait = 2s, first_direct_pause = 5s, longest_direct_pause = 5min;
constexpr Clock::Span before_tunnel = 500ms;  // for what is tried with it, as TCP
constexpr Clock::Span network_silence = 8s;
constexpr Clock::Span max_unshown = 1s;  // that a connection works, before others are tried
// So long after a vigil was mistaken, or right, the next is not more patient for it.
constexpr Clock::Span patience_memory = 60s;

Task<Result<Link>> later(Clock& clock, Clock::Span wait, Task<Result<Link>> dial) {
    auto slept = co_await clock.sleep_for(wait);
    if (!slept) co_return slept.error();
    co_return co_await std::move(dial);
}

Task<> reach_first(Task<Result<Link>> dial, Result<Link>& first, Tasks& all) {
    auto link = co_await std::move(dial);
    if (!link || first) co_return;
    first = std::move(link);
    all.cancel();
}

}  // namespace

Task<> Swarm::watch_loop() {
    Clock& clock = parts_.runtime.clock;
    for (;;) {
        bool needed = false;
        std::vector<NodeId> silent, relayed, lossy;
        for (auto& [node, peer] : peers_) {
            const bool works = parts_.use_of && parts_.use_of(node).work != Work::none;
            const bool this_one = works || clock.now() < std::max(doubt_until_, peer.doubt_until);
            needed = needed || this_one;
            if (watch(peer, this_one)) {
                log("nothing comes from " + node.hex() + " any more; looking for another way");
                if (peer.best()->rank == PathRank::relayed) doubt_relays();
                changed_.notify_all();
            }
            if (!peer.silent()) leave_silent(peer);
            if (this_one && peer.silent()) silent.push_back(node);
            if (is_direct_due(peer, this_one)) relayed.push_back(node);
            if (works && pays_too_much(peer)) lossy.push_back(node);
        }
        for (const NodeId& node : relayed) start_redial(direct_dials_, node, seek_direct(node));
        for (const NodeId& node : lossy) start_redial(direct_dials_, node, leave_tcp(node));
        look_at_network();
        for (const NodeId& node : silent) start_redial(redials_, node, redial(node));
        if (peers_.empty() && !network_silent_) {  // each look wakes an idle computer
            auto woken =
                co_await with_timeout(clock, clock.about(lone_look_interval), changed_.wait());
            if (!woken && woken.error() == asio::error::operation_aborted) co_return;
            continue;
        }
        const Clock::Span pause =
            needed ? Clock::Span(Vigil::look_interval) : clock.about(idle_look_interval);
        auto slept = co_await clock.sleep_for(pause);
        if (!slept) co_return;
    }
}

// It may be a relay that is gone, of which nobody else would notice it soon.
void Swarm::doubt_relays() {
    for (const NodeId& relay : relays_.known()) {
        const auto peer = peers_.find(relay);
        if (peer == peers_.end()) continue;
        peer->second.doubt_until = parts_.runtime.clock.now() + Peer::doubt_span;
    }
}

void Swarm::doubt(Doubt why) {
    doubt_until_ = parts_.runtime.clock.now() + Peer::doubt_span;
    std::vector<std::shared_ptr<Connection>> stranded;
    for (auto& [node, peer] : peers_) {
        better_pasts_.forget(node);
        peer.direct_due = parts_.runtime.clock.now() + first_direct_wait;
        peer.direct_pause = first_direct_pause;
        for (const Peer::Held& held : peer.held()) {
            held.connection->prod();
            if (held.connection->stranded()) stranded.push_back(held.connection);
        }
    }
    for (const auto& connection : stranded) {  // the system tells nobody, and tries in vain
        connection->close();
        forget(connection);
    }
    announcer_.hurry();
    changed_.notify_all();
    if (why == Doubt::after_gap) return;
    own_changed_.notify_all();
    hurry_lookups();
}

// Whether its last connection that carried something has fallen silent.
bool Swarm::watch(Peer& peer, bool needed) {
    const auto now = parts_.runtime.clock.now();
    const bool was_silent = peer.silent();
    bool fell = false;
    const bool doubted = now < std::max(doubt_until_, peer.doubt_until);  // there is a reason
    const Clock::Span patience = doubted ? peer.patience / 2 : peer.patience;
    peer.look([&](Peer::Held& held) {
        if (!held.proven) return;
        Connection& connection = *held.connection;
        // From another address what we send may no longer be let in, though what comes is.
        const auto unanswered = doubted ? connection.unacknowledged() : connection.unanswered();
        const auto verdict = held.vigil.look({.needed = needed,
                                              .unheard = connection.unheard(),
                                              .unanswered = unanswered,
                                              .round_trip = connection.path().rtt,
                                              .patience = patience});
        if (verdict == Vigil::Verdict::ask) connection.prod();
        fell = fell || verdict == Vigil::Verdict::silent;
    });
    if (fell) peer.lose_patience(now, patience_memory);
    return fell && !was_silent && peer.silent();
}

void Swarm::start_redial(std::set<NodeId>& running, const NodeId& node, Task<> dial) {
    if (!tasks_ || running.size() >= max_redials || !running.insert(node).second) return;
    tasks_->spawn(std::move(dial));
}

// A NAT may have been changed, or one of us may be elsewhere, since a relay was needed; or what was
// lost a moment ago has spoilt the way without one, for which once more is tried before there is
// need of it.
bool Swarm::is_direct_due(Peer& peer, bool needed) {
    const auto now = parts_.runtime.clock.now();
    const Peer::Held* best = peer.best();
    if (!peer.tells_places || !best || now < peer.direct_due) return false;
    if (rank_of(best->connection->path()) != PathRank::relayed) return false;
    if (!needed && peer.direct_pause > first_direct_pause) return false;
    const bool first = peer.direct_due == Clock::Time{};
    peer.direct_due = now + peer.direct_pause;
    if (!first) peer.direct_pause = std::min(2 * peer.direct_pause, longest_direct_pause);
    return !first;  // when we connected, all was tried
}

Task<> Swarm::seek_direct(NodeId node) {
    Findings why;
    auto dial = dialer_.dial(node, book_.relays(node), why, Dialer::Through::no_relay);
    auto link = co_await with_timeout(parts_.runtime.clock, max_redial, std::move(dial));
    direct_dials_.erase(node);
    if (link && tasks_ && peers_.contains(node))
        tasks_->spawn(serve(make_connection(*std::move(link)), PeerBook::Dialed::by_us));
}

// Those who were lost while it was away are found again, as we are.
void Swarm::look_at_network() {
    const auto silent_for = parts_.dht.contact().silent_for;
    if (silent_for && *silent_for >= network_silence) {
        network_silent_ = true;
    } else if (!silent_for && std::exchange(network_silent_, false)) {
        log("the network answers again");
        doubt(Doubt::of_place);
    }
}

// Until the node is heard again, over whichever connection, or the last one has ended.
Task<> Swarm::redial(NodeId node) {
    const auto lost = [this, node] {
        const auto peer = peers_.find(node);
        return tasks_ && peer != peers_.end() && peer->second.silent();
    };
    Clock::Span pause = first_redial_pause;
    while (lost()) {
        Findings why;
        const Peer& peer = peers_.at(node);
        auto places = peer.tcp_places;
        if (places.empty() && peer.best()) places = tcp_guess_of(*peer.best()->connection);
        if (!tcp_dialer_) places.clear();
        auto dial = reach_anew(node, std::move(places), Dialer::Through::any, why);
        auto link = co_await with_timeout(parts_.runtime.clock, max_redial, std::move(dial));
        if (!link && link.error() == asio::error::operation_aborted) break;
        if (link && lost()) {
            auto connection = make_connection(*std::move(link));
            tasks_->spawn(serve(std::move(connection), PeerBook::Dialed::by_us));
        }
        auto passed = co_await pause_while(lost, pause);
        if (!passed) break;
        pause = std::min(2 * pause, longest_redial_pause);
    }
    redials_.erase(node);
}

Task<Result<void>> Swarm::pause_while(std::function<bool()> holds, Clock::Span pause) {
    Clock& clock = parts_.runtime.clock;
    const auto until = clock.now() + pause;
    while (clock.now() < until && holds()) {
        auto woken = co_await with_timeout(clock, until - clock.now(), changed_.wait());
        if (!woken && woken.error() == asio::error::operation_aborted) co_return woken;
    }
    co_return ok;
}

// Over TCP at these places, and as if we had never met, whichever is first; where we must be
// answered, from a port at a kp2p-relay, too.
Task<Result<Link>> Swarm::reach_anew(NodeId node, std::vector<Endpoint> places,
                                     Dialer::Through through, Findings& why) {
    Result<Link> first = Errc::cannot_connect;
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(reach_first(dialer_.dial(node, book_.relays(node), why, through), first, all));
        if (through == Dialer::Through::answered) {
            auto dial =
                later(parts_.runtime.clock, before_tunnel, dialer_.dial_tunnelled(node, why));
            all.spawn(reach_first(std::move(dial), first, all));
        }
        if (places.empty()) co_return;
        all.spawn(reach_first(tcp_dialer_->dial(node, std::move(places), why), first, all));
    });
    if (!done && !first) co_return done.error();
    co_return first;
}

// Beside a connection that does not show that it works: that a node is open has been said, it need
// not be so from here.
Task<> Swarm::try_beside(std::shared_ptr<Connection> connection, std::shared_ptr<Findings> why) {
    const NodeId node = connection->remote();
    const bool direct = connection->path_kind() == Path::Kind::direct;
    auto slept = co_await parts_.runtime.clock.sleep_for(max_unshown);
    if (!slept || !direct) co_return;
    const auto carries = [this, &node] {
        const auto there = peers_.find(node);
        const auto works = [](const Peer::Held& held) {
            return held.proven && !held.vigil.silent() && held.connection->is_heard();
        };
        return there != peers_.end() && std::ranges::any_of(there->second.held(), works);
    };
    if (carries()) co_return;
    // What has ended may have been replaced by another of the kind.
    const auto peer = peers_.find(node);
    const bool unheard = peer != peers_.end() && peer->second.unheard_since.lock();
    if (connection->is_closed() && !unheard) co_return;
    if (!beside_.insert(node).second) co_return;
    auto places = tcp_guess_of(*connection);
    auto dial = reach_anew(node, std::move(places), Dialer::Through::answered, *why);
    auto link = co_await with_timeout(parts_.runtime.clock, max_redial, std::move(dial));
    // What has come meanwhile need not be heard. If it is, another would only take its place over
    // there, where a way from a kp2p-relay looks like any other.
    if (link && tasks_ && !carries())
        tasks_->spawn(serve_beside(*std::move(link), node));
    else
        beside_.erase(node);
}

// Until it has shown that it works, or has ended, nothing is tried beside it in its turn.
Task<> Swarm::serve_beside(Link link, NodeId node) {
    const auto connection = make_connection(std::move(link));
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(serve(connection, PeerBook::Dialed::by_us));
        auto shown = co_await connection->heard();
        (void)shown;
        beside_.erase(node);
    };
    (void)co_await with_tasks(body);
}

}  // namespace kp2p
