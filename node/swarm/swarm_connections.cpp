// Connections of the swarm: from the first packet to the end.
#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/reach/heed.hpp"
#include "node/swarm/swarm.hpp"
#include "proto/outcome.hpp"
#include "proto/record/gcm_stream.hpp"
#include "proto/record/secret_stream.hpp"

namespace kp2p {
namespace {

// A peer with whom we have had a connection for longer than this, and that dials us, has lost it.
// Before that, both have dialed at the same time.
constexpr std::chrono::seconds min_stale_age{5};
// So long a connection has to show that it works, where another that does is there.
constexpr std::chrono::milliseconds max_rival_wait{1000}, rival_look_interval{20};
// By whom we hear we are heard a moment later; of one that takes longer it is said.
constexpr std::chrono::seconds usual_deafness{3}, least_deafness{1};

std::string words_of(const Path& path) {
    if (path.kind == Path::Kind::relayed) return ", through this relay";
    if (path.kind == Path::Kind::tunnelled) return ", through a kp2p-relay";
    return path.transport == Path::Transport::tcp ? " over TCP" : "";
}

// Of TCP, and of a relay, it is not asked: somebody is heard there.
Task<Result<void>> done_or_rejected(Clock& clock, std::shared_ptr<Connection> connection,
                                    Task<Result<void>> work, std::optional<Rejection>& rejection) {
    const UdxPath* path = connection->udx_path();
    if (!path || path->relay_id) co_return co_await std::move(work);
    const UdxPath first = *path;
    co_return co_await heeding(clock, *first.socket, first.remote, rejection, std::move(work));
}

// What is said first may leave with the first packet: over TCP, and through a relay, but not to an
// address that has shown nothing yet, which may be somebody's whom we are to send much to.
bool may_speak_at_once(const Connection& connection) {
    const Path path = connection.path();
    return path.transport == Path::Transport::tcp || path.kind == Path::Kind::relayed;
}

Task<> relay_over(std::shared_ptr<RelaySession> session) { co_await session->run(); }

}  // namespace

std::shared_ptr<Connection> Swarm::make_connection(Link link) {
    const bool tcp = link.stream->path().transport == Path::Transport::tcp;
    proto::Records records;
    if (tcp) {
        records = proto::gcm_stream(link.keys);
    } else {
        const auto header = parts_.runtime.random.bytes<proto::StreamHeader>();
        records = proto::secret_stream(link.keys, header);
    }
    return std::make_shared<Connection>(parts_.runtime.executor, parts_.runtime.clock,
                                        std::move(link.stream), link.keys, std::move(records));
}

// Whoever dials us is not counted before it has proven itself: a handshake that somebody repeats
// must not disturb a good connection.
void Swarm::accepted(Link link) {
    if (unproven_.size() >= max_unproven) {
        unproven_.front()->close();
        unproven_.pop_front();
    }
    unproven_.push_back(make_connection(std::move(link)));
    tasks_->spawn(serve(unproven_.back(), PeerBook::Dialed::by_them));
}

Task<> Swarm::serve(std::shared_ptr<Connection> connection, PeerBook::Dialed who) {
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(run_connection(connection, all));
        all.spawn(prove(connection, who, all));
        co_return;
    });
    (void)done;
    std::erase(unproven_, connection);
    forget(connection);
}

Task<> Swarm::run_connection(std::shared_ptr<Connection> connection, Tasks& all) {
    auto ended = co_await connection->run();
    (void)ended;  // ending() says it
    if (connection->was_altered() && rank_of(connection->path()) == PathRank::tcp)
        better_pasts_.shun(connection->remote(), parts_.runtime.clock.now());
    const auto peer = peers_.find(connection->remote());
    const Peer::Held* held = peer == peers_.end() ? nullptr : peer->second.find(*connection);
    if (held && held->proven)
        log_of(*connection,
               "connection to " + connection->remote().hex() + " ended: " + connection->ending());
    all.cancel();
}

Task<> Swarm::prove(std::shared_ptr<Connection> connection, PeerBook::Dialed who, Tasks& all) {
    const auto began = parts_.runtime.clock.now();
    const Path path = connection->path();
    const auto beside = std::make_shared<Findings>();
    const bool at_once = may_speak_at_once(*connection);
    if (at_once) all.spawn(serve_channels(connection));
    if (who == PeerBook::Dialed::by_us) all.spawn(try_beside(connection, beside));
    std::optional<Rejection> rejection;
    auto work = connection->established();
    auto established =
        who == PeerBook::Dialed::by_us
            ? done_or_rejected(parts_.runtime.clock, connection, std::move(work), rejection)
            : std::move(work);
    auto proven = co_await with_timeout(parts_.runtime.clock, max_proof, std::move(established));
    if (!proven && proven.error() == asio::error::operation_aborted) co_return;
    if (proven) co_await settle_tie(connection);
    if (proven && admit(connection)) {
        if (!at_once) all.spawn(serve_channels(connection));
        if (tcp_dialer_) all.spawn(exchange_paths(paths_of(connection)));
        all.spawn(relay_over(relays_.session_of(connection)));
        connection->start();
        co_await count(connection, who);
        co_return;
    }
    const auto peer = peers_.find(connection->remote());
    const bool replaced = peer == peers_.end() || !peer->second.find(*connection);
    if (!proven && who == PeerBook::Dialed::by_us && !replaced) {
        // What came before the proof may be the end.
        const bool silence = proven.error() == Errc::timed_out || rejection;
        Finding failure{
            .code = silence ? Finding::Code::path_silent : Finding::Code::connection_lost,
            .node = connection->remote(),
            .what = path.remote.text(),
            .after = milliseconds_since(parts_.runtime.clock, began),
            .path = tried_path_of(path)};
        tell(rejection, path.remote, failure);
        beside->lead(std::move(failure));
        if (!best(connection->remote())) note_failure(connection->remote(), beside->all());
    }
    connection->close();
}

// Without another it is taken for one that leads to the other side at once, and for none if that
// side then does not hear us. Several in a row, as of one who dials again and again, have no
// longer together to show it.
Task<> Swarm::count(std::shared_ptr<Connection> connection, PeerBook::Dialed who) {
    Clock& clock = parts_.runtime.clock;
    const NodeId& remote = connection->remote();
    const Path path = connection->path();
    std::weak_ptr<const Clock::Time>& unheard = peers_.at(remote).unheard_since;
    auto first = unheard.lock();  // of these
    if (!first) unheard = first = std::make_shared<const Clock::Time>(clock.now());
    const auto began = *first;
    const auto set_proven = [this, &connection](std::optional<Clock::Time> since) {
        const auto peer = peers_.find(connection->remote());
        if (peer == peers_.end()) return;
        peer->second.look([&](Peer::Held& held) {
            if (held.connection == connection) held.proven = since;
        });
        changed_.notify_all();
    };
    if (tasks_) tasks_->spawn(try_beside(connection, std::make_shared<Findings>()));
    std::optional<Rejection> rejection;
    auto hearing = done_or_rejected(clock, connection, connection->heard(), rejection);
    const auto patience =
        std::max<Clock::Span>(began + usual_deafness - clock.now(), least_deafness);
    auto heard = co_await with_timeout(clock, patience, std::move(hearing));
    if (!heard && heard.error() == Errc::timed_out) {
        Finding deaf{.code = Finding::Code::not_heard,
                     .node = remote,
                     .what = path.remote.text(),
                     .after = milliseconds_since(clock, began),
                     .path = tried_path_of(path)};
        tell(rejection, path.remote, deaf);
        set_proven(std::nullopt);
        // Who dials again may have lost what we take for good.
        const auto peer = peers_.find(remote);
        if (peer != peers_.end()) peer->second.doubt_until = clock.now() + Peer::doubt_span;
        if (!best(remote)) note_failure(remote, {deaf});
        heard = co_await with_timeout(clock, max_proof, connection->heard());
    }
    const auto peer = peers_.find(remote);
    const bool held = peer != peers_.end() && peer->second.find(*connection);
    if (!heard && held) connection->close();
    if (!heard || !held || connection->is_closed()) co_return;
    std::erase(unproven_, connection);
    if (!peer->second.find(*connection)->proven) set_proven(clock.now());
    // What was taken for one that works as there was no other is none until it is heard.
    peer->second.look([](Peer::Held& other) {
        if (!other.connection->is_heard()) other.proven.reset();
    });
    failures_.forget(remote);
    unsettled_fixed_.erase(remote);
    book_.connected(remote, who);
    changed_.notify_all();
    log_of(*connection, "connected to " + remote.hex() + " at " + path.remote.text() +
                            words_of(path) +
                            (who == PeerBook::Dialed::by_us ? ", dialed by us" : ", dialed by it"));
}

Task<> Swarm::serve_channels(std::shared_ptr<Connection> connection) {
    co_await parts_.serve(connection);
    connection->close();
}

bool Swarm::admit(const std::shared_ptr<Connection>& connection) {
    const NodeId& remote = connection->remote();
    if (connection->is_closed()) return false;  // replaced by another, a moment before its proof
    const auto old = peers_.find(remote);
    const Cause cause = old == peers_.end() ? Cause::came : old->second.cause;
    if (old == peers_.end() || !old->second.best()) {
        if (!has_room(cause)) return false;
        make_room(cause);
    }
    const PathRank rank = rank_of(connection->path());
    // What came through a relay may have left it meanwhile.
    const bool shunned = rank == PathRank::tcp && old != peers_.end() &&
                         better_pasts_.shunned(remote, parts_.runtime.clock.now());
    if (shunned && old->second.best()) return false;
    const auto now_of = [](const Connection& held) { return rank_of(held.path()); };
    if (old != peers_.end()) old->second.rank_anew(now_of);
    const Peer::Held* held = old == peers_.end() ? nullptr : old->second.find(rank);
    if (held && held->connection != connection) {
        if (!prefers_new(*connection, *held)) return false;
        held->connection->close();
    }
    Peer& peer = peers_[remote];
    leave_silent(peer);
    withdraw(std::exchange(peer.dial, nullptr));
    // Where another one works nothing waits, and this one has to show that it does.
    const auto works = [rank](const Peer::Held& other) {
        return other.proven && other.rank != rank;
    };
    std::optional<Clock::Time> proven;
    if (std::ranges::none_of(peer.held(), works)) proven = parts_.runtime.clock.now();
    peer.hold({connection, rank, proven});
    changed_.notify_all();
    return true;
}

// Anybody can dial us with as many keys as he likes, and need not show for a while that he is in a
// channel of ours: without this he would keep everybody else out.
void Swarm::make_room(Cause cause) {
    const auto least = places().displaced(parts_.runtime.clock.now(), cause);
    if (!least) return;
    const auto all = peers_.at(*least).held();
    log_of(*all.front().connection,
           "closing the connection to " + least->hex() + ": another needs its place");
    for (const Peer::Held& held : all) {
        held.connection->close();
        forget(held.connection);
    }
}

// What they owed is then asked for over another, at once.
void Swarm::leave_silent(Peer& peer) {
    std::vector<std::shared_ptr<Connection>> silent;
    for (const Peer::Held& held : peer.held())
        if (held.vigil.silent()) silent.push_back(held.connection);
    for (const auto& connection : silent) {
        connection->close();
        peer.remove(*connection);
        changed_.notify_all();
    }
}

// Whoever dials again has lost the connection that it dialed before; it may have been restarted.
// Of two connections that both sides dialed at the same time that one stays which the node with
// the greater key dialed, so that both decide alike.
bool Swarm::prefers_new(const Connection& connection, const Peer::Held& old) const {
    if (old.vigil.silent() || old.connection->role() == connection.role()) return true;
    if (old.proven && parts_.runtime.clock.now() - *old.proven >= min_stale_age) return true;
    const bool theirs = connection.role() == Role::responder;
    return theirs == (node_id() < connection.remote());
}

// What is preferred to this one, though the other side may not have it: null if nothing is.
std::shared_ptr<Connection> Swarm::rival_of(const Connection& connection) const {
    const auto peer = peers_.find(connection.remote());
    if (peer == peers_.end() || connection.is_closed()) return nullptr;
    const Peer::Held* held = peer->second.find(rank_of(connection.path()));
    if (!held || held->connection.get() == &connection || prefers_new(connection, *held))
        return nullptr;
    return held->connection;
}

// The one that is preferred must show that something gets through along it: what we have dialed
// leads nowhere where the other side is elsewhere, or behind a wall, since.
Task<> Swarm::settle_tie(std::shared_ptr<Connection> connection) {
    auto rival = rival_of(*connection);
    if (rival) rival->prod();
    for (Clock::Span waited{}; rival && waited < max_rival_wait; waited += rival_look_interval) {
        auto slept = co_await parts_.runtime.clock.sleep_for(rival_look_interval);
        if (!slept) co_return;
        rival = rival_of(*connection);
        const auto peer = peers_.find(connection->remote());
        if (!rival || !peer->second.find(*rival)->proven) continue;
        const auto missing = rival->unanswered();  // while it is busy, some answer always is
        if (!missing || *missing + rival_look_interval < waited) co_return;
    }
    if (!rival) co_return;
    rival->close();
    forget(rival);
}

void Swarm::forget(const std::shared_ptr<Connection>& connection) {
    const NodeId& remote = connection->remote();
    const auto peer = peers_.find(remote);
    const Peer::Held* held = peer == peers_.end() ? nullptr : peer->second.find(*connection);
    if (!held) return;
    const auto proven = held->proven;
    peer->second.remove(*connection);
    changed_.notify_all();
    if (!peer->second.empty()) return;
    peers_.erase(peer);
    const auto now = parts_.runtime.clock.now();
    if (proven) {
        book_.closed(now, remote, now - *proven);
    } else {
        book_.dial_failed(now, remote, PeerBook::Answered::yes);
    }
}

std::vector<std::shared_ptr<Connection>> Swarm::connections() const {
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [node, peer] : peers_)
        if (const Peer::Held* best = peer.best()) all.push_back(best->connection);
    return all;
}

std::shared_ptr<Connection> Swarm::best(const NodeId& node) const {
    const auto peer = peers_.find(node);
    const Peer::Held* best = peer == peers_.end() ? nullptr : peer->second.best();
    return best ? best->connection : nullptr;
}

}  // namespace kp2p
