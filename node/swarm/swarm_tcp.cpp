// Connections of the swarm over TCP: to the peers that were named to us, and to those that we are
// connected to in another way and that have told us where they listen.
#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/interfaces.hpp"
#include "node/swarm/swarm.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr Clock::Span first_fixed_pause = 1s, longest_fixed_pause = 60s;
constexpr Clock::Span first_better_pause = 5s, longest_better_pause = 10min;
// For the dial of the node with the greater key, which is the one that would stay.
constexpr Clock::Span head_start = 3s;
constexpr std::size_t max_better_loops = 256;

// A loopback address means this computer: it is for peers on it.
std::vector<Endpoint> tcp_places_of(const Candidates& candidates, const Path& path) {
    std::vector<Endpoint> places;
    for (const proto::Candidate& candidate : candidates) {
        const bool is_here = candidate.endpoint.host.is_loopback();
        if (candidate.transport != proto::Candidate::Transport::tcp ||
            candidate.origin == proto::Candidate::Origin::relayed ||
            (is_here && !path.remote.host.is_loopback()))
            continue;
        places.push_back(candidate.endpoint);
    }
    return places;
}

}  // namespace

bool Swarm::has_tcp(const NodeId& node) const {
    const auto peer = peers_.find(node);
    return peer != peers_.end() && peer->second.find(PathRank::tcp);
}

Task<> Swarm::keep_fixed(FixedPeer fixed) {
    Clock& clock = parts_.runtime.clock;
    Clock::Span pause = first_fixed_pause;
    for (;;) {
        while (has_tcp(fixed.node)) {  // it may have dialed us
            auto woken = co_await changed_.wait();
            if (!woken) co_return;
        }
        const auto began = clock.now();
        const bool proven = co_await dial_fixed(fixed);
        if (unsettled_fixed_.erase(fixed.node)) changed_.notify_all();
        if (proven && clock.now() - began >= PeerBook::good_life) pause = first_fixed_pause;
        const auto jitter = std::chrono::milliseconds(parts_.runtime.random.number() % 500);
        auto slept = co_await clock.sleep_for(pause + jitter);
        if (!slept) co_return;
        pause = std::min(2 * pause, longest_fixed_pause);
    }
}

// Until the connection ends; whether there was one. It is not held before it is proven, as it may
// come beside one that is.
Task<bool> Swarm::dial_fixed(FixedPeer fixed) {
    Findings why;
    auto link = co_await reach_fixed(fixed, why);
    if (!link) {
        if (link.error() != asio::error::operation_aborted && !best(fixed.node))
            note_failure(fixed.node, why.all());
        co_return false;
    }
    auto connection = make_connection(*std::move(link));
    co_await serve(connection, PeerBook::Dialed::by_us);
    co_return connection->was_established();
}

Task<Result<Link>> Swarm::reach_fixed(FixedPeer fixed, Findings& why) {
    auto addresses = co_await addresses_of(fixed);
    if (addresses.empty())
        why.add({.code = Finding::Code::tcp_unresolved, .node = fixed.node, .what = fixed.host});
    co_return co_await tcp_dialer_->dial(fixed.node, std::move(addresses), why);
}

// ---- a better path ----

Candidates Swarm::own_candidates() const {
    using proto::Candidate;
    const Endpoint tcp = parts_.tcp->local();
    const std::uint16_t udp_port = parts_.dht.port(SocketId::server)->socket().local().port;
    std::vector<Host> hosts{tcp.host};
    if (tcp.host.is_unspecified()) hosts = interface_hosts();
    if (hosts.empty()) hosts.push_back(Endpoint::loopback(0).host);
    Candidates all;
    const auto add = [&](const Host& host, std::uint16_t port, Candidate::Origin origin) {
        all.push_back({Candidate::Transport::tcp, origin, {host, tcp.port}});
        if (host.is_v4() || !tcp.host.is_v4())
            all.push_back({Candidate::Transport::udp, origin, {host, port}});
    };
    for (const Host& host : hosts)
        if (host.is_v4() || !tcp.host.is_v4()) add(host, udp_port, Candidate::Origin::local);
    if (const auto seen = parts_.dht.remote_address())
        add(seen->host, seen->port, Candidate::Origin::observed);
    if (all.size() > proto::max_candidates) all.resize(proto::max_candidates);
    return all;
}

std::shared_ptr<PathsSession> Swarm::paths_of(const std::shared_ptr<Connection>& connection) {
    PathsParts parts{.clock = parts_.runtime.clock,
                     .own = [this] { return own_candidates(); },
                     .is_member =
                         [this](const NodeId& node) {
                             return parts_.use_of && !parts_.use_of(node).topics.empty();
                         },
                     .heard =
                         [this, told_by = std::weak_ptr(connection)](const Candidates& candidates) {
                             if (const auto by = told_by.lock()) heard_of_places(*by, candidates);
                         }};
    auto session = std::make_shared<PathsSession>(std::move(parts), connection);
    session->accept();
    return session;
}

Task<> Swarm::exchange_paths(std::shared_ptr<PathsSession> session) { co_await session->run(); }

void Swarm::heard_of_places(const Connection& connection, const Candidates& candidates) {
    const NodeId& node = connection.remote();
    const auto peer = peers_.find(node);
    if (peer == peers_.end() || !tasks_) return;
    peer->second.tcp_places = tcp_places_of(candidates, connection.path());
    changed_.notify_all();
    if (better_loops_.size() >= max_better_loops || !better_loops_.insert(node).second) return;
    tasks_->spawn(better_loop(node));
}

// While the peer is connected to us in any way.
Task<> Swarm::better_loop(NodeId node) {
    Clock& clock = parts_.runtime.clock;
    Clock::Span pause = first_better_pause;
    if (node_id() < node) (void)co_await pause_while_there(node, head_start);
    while (tasks_ && peers_.contains(node)) {
        const auto began = clock.now();
        if (!has_tcp(node)) co_await dial_better(node);
        auto woken = co_await pause_while_there(node, pause);
        if (!woken) break;
        while (has_tcp(node)) {
            woken = co_await changed_.wait();
            if (!woken) break;
        }
        const bool was_good = clock.now() - began >= pause + PeerBook::good_life;
        pause = was_good ? first_better_pause : std::min(2 * pause, longest_better_pause);
    }
    better_loops_.erase(node);
}

Task<> Swarm::dial_better(NodeId node) {
    Findings why;  // of no interest: there is another connection
    auto places = peers_.at(node).tcp_places;
    auto link = co_await tcp_dialer_->dial(node, std::move(places), why);
    if (!link || !tasks_ || !peers_.contains(node)) co_return;
    tasks_->spawn(serve(make_connection(*std::move(link)), PeerBook::Dialed::by_us));
}

Task<Result<void>> Swarm::pause_while_there(NodeId node, Clock::Span pause) {
    Clock& clock = parts_.runtime.clock;
    const auto until = clock.now() + pause;
    while (clock.now() < until && peers_.contains(node)) {
        auto limited = with_timeout(clock, until - clock.now(), changed_.wait());
        auto woken = co_await std::move(limited);
        if (!woken && woken.error() == asio::error::operation_aborted) co_return woken;
    }
    co_return ok;
}

}  // namespace kp2p
