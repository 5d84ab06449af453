// Connections of the swarm over TCP: to the peers that were named to us, and to those that we are
// connected to in another way and that have told us where they listen.
#include <algorithm>
#include <set>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/address.hpp"
#include "node/net/interfaces.hpp"
#include "node/swarm/swarm.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr Clock::Span first_fixed_pause = 1s, longest_fixed_pause = 60s;
// For the dial of the node with the greater key, which is the one that would stay.
constexpr Clock::Span head_start = 3s;
constexpr std::size_t max_near_loops = 2 * Lan::max_near;
constexpr std::size_t max_better_loops = 256;

constexpr std::size_t max_places = 8;
// Hosts of the Internet that a member may name beside the one that it is seen at: we dial them for
// its word alone.
constexpr std::size_t max_foreign_hosts = 2;

// Where it makes sense to dial a peer that we are connected to along `path`. Nobody makes us knock
// at doors of our own network who is not in it, or at many anywhere.
std::vector<Endpoint> tcp_places_of(const Candidates& candidates, const Path& path,
                                    const std::optional<Host>& our_public_host) {
    const bool relayed = path.kind == Path::Kind::relayed;
    const Host seen = relayed ? Host() : path.remote.host;
    const bool is_near = seen.kind() == HostKind::site || seen.is_loopback() ||
                         (our_public_host && seen == *our_public_host);
    std::set<Host> foreign;
    std::vector<Endpoint> places;
    for (const auto& [transport, origin, endpoint] : candidates) {
        if (transport != proto::Candidate::Transport::tcp ||
            origin == proto::Candidate::Origin::relayed || places.size() == max_places ||
            std::ranges::find(places, endpoint) != places.end())
            continue;
        const HostKind kind = endpoint.host.kind();
        bool fits = endpoint.host == seen;
        if (kind == HostKind::loopback) fits = seen.is_loopback();
        if (kind == HostKind::site || kind == HostKind::shared) fits = fits || is_near;
        if (kind == HostKind::global && !fits)
            fits = foreign.contains(endpoint.host) ||
                   (foreign.size() < max_foreign_hosts && foreign.insert(endpoint.host).second);
        if (fits) places.push_back(endpoint);
    }
    return places;
}

// Only at the host where it has proven to be.
std::optional<Endpoint> udp_place_of(const Candidates& candidates, const Path& path) {
    if (path.kind == Path::Kind::relayed) return std::nullopt;
    for (const auto& [transport, origin, endpoint] : candidates)
        if (transport == proto::Candidate::Transport::udp && endpoint.host == path.remote.host)
            return endpoint;
    return std::nullopt;
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
        const Clock::Span lived = co_await dial_fixed(fixed);
        if (unsettled_fixed_.erase(fixed.node)) changed_.notify_all();
        if (lived >= PeerBook::good_life) pause = first_fixed_pause;
        const auto jitter = std::chrono::milliseconds(parts_.runtime.random.number() % 500);
        auto slept = co_await clock.sleep_for(pause + jitter);
        if (!slept) co_return;
        pause = std::min(2 * pause, longest_fixed_pause);
    }
}

// Until the connection ends; how long there was one. It is not held before it is proven, as it may
// come beside one that is.
Task<Clock::Span> Swarm::dial_fixed(FixedPeer fixed) {
    Findings why;
    auto link = co_await reach_fixed(fixed, why);
    if (!link) {
        if (link.error() != asio::error::operation_aborted && !best(fixed.node))
            note_failure(fixed.node, why.all());
        co_return Clock::Span::zero();
    }
    if (has_tcp(fixed.node)) co_return Clock::Span::zero();  // it was faster
    co_return co_await hold_while_alive(make_connection(*std::move(link)));
}

Task<Clock::Span> Swarm::hold_while_alive(std::shared_ptr<Connection> connection) {
    const auto began = parts_.runtime.clock.now();
    co_await serve(connection, PeerBook::Dialed::by_us);
    if (!connection->was_established()) co_return Clock::Span::zero();
    co_return parts_.runtime.clock.now() - began;
}

void Swarm::set_near(std::vector<NearPeer> near) {
    near_ = std::move(near);
    changed_.notify_all();
    if (!tasks_ || !tcp_dialer_) return;
    for (const NearPeer& peer : near_)
        if (near_loops_.size() < max_near_loops && near_loops_.insert(peer.node).second)
            tasks_->spawn(keep_near(peer.node));
}

// While it is said to be there.
Task<> Swarm::keep_near(NodeId node) {
    Clock& clock = parts_.runtime.clock;
    Clock::Span pause = first_fixed_pause;
    for (;;) {
        const auto peer = std::ranges::find(near_, node, &NearPeer::node);
        if (peer == near_.end()) break;
        if (has_tcp(node)) {
            auto woken = co_await changed_.wait();
            if (!woken) co_return;
            continue;
        }
        Findings why;
        auto places = peer->places;
        auto link = co_await tcp_dialer_->dial(node, std::move(places), why);
        if (!link && link.error() == asio::error::operation_aborted) co_return;
        if (link && !has_tcp(node)) {
            auto connection = make_connection(*std::move(link));
            const auto lived = co_await hold_while_alive(std::move(connection));
            if (lived >= PeerBook::good_life) pause = first_fixed_pause;
        }
        const auto jitter = std::chrono::milliseconds(parts_.runtime.random.number() % 500);
        auto slept = co_await clock.sleep_for(pause + jitter);
        if (!slept) co_return;
        pause = std::min(2 * pause, longest_fixed_pause);
    }
    near_loops_.erase(node);
}

Task<Result<Link>> Swarm::reach_fixed(FixedPeer fixed, Findings& why) {
    const auto began = parts_.runtime.clock.now();
    auto addresses = co_await addresses_of(parts_.runtime.clock, fixed);
    if (!addresses && addresses.error() == asio::error::operation_aborted)
        co_return addresses.error();
    if (!addresses) {
        why.add({.code = Finding::Code::tcp_unresolved,
                 .node = fixed.node,
                 .what = name_words(fixed.host, addresses.error()),
                 .after = milliseconds_since(parts_.runtime.clock, began),
                 .path = TriedPath{TriedPath::Way::tcp}});
        co_return Errc::cannot_connect;
    }
    co_return co_await tcp_dialer_->dial(fixed.node, *std::move(addresses), why);
}

// Where a node listens on UDP it listens on TCP, too, unless that was taken; and TCP may get
// through where UDP does not, or only a few packets of it.
std::vector<Endpoint> Swarm::tcp_guess_of(const Connection& connection) const {
    const Path path = connection.path();
    const bool fits =
        tcp_dialer_ && path.kind == Path::Kind::direct && path.transport == Path::Transport::udx;
    return fits ? std::vector{path.remote} : std::vector<Endpoint>();
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
    if (const auto seen = parts_.dht.remote_address())
        add(seen->host, seen->port, Candidate::Origin::observed);
    if (parts_.mapped)
        for (const Candidate& candidate : parts_.mapped()) all.push_back(candidate);
    for (const Host& host : hosts)
        if (host.is_v4() || !tcp.host.is_v4()) add(host, udp_port, Candidate::Origin::local);
    if (all.size() > proto::max_candidates) all.resize(proto::max_candidates);
    return all;
}

std::shared_ptr<PathsSession> Swarm::paths_of(const std::shared_ptr<Connection>& connection) {
    PathsParts parts{.clock = parts_.runtime.clock,
                     .own = [this] { return own_candidates(); },
                     .own_changed = own_changed_,
                     .is_member =
                         [this](const NodeId& node) {
                             return parts_.use_of && !parts_.use_of(node).topics.empty();
                         },
                     .heard =
                         [this, told_by = std::weak_ptr(connection)](const Candidates& candidates) {
                             if (const auto by = told_by.lock()) heard_of_places(*by, candidates);
                         },
                     .relays = parts_.relay_urls,
                     .heard_relays = parts_.heard_relays,
                     .label = parts_.label,
                     .called =
                         [this, node = connection->remote()](const NodeLabel& label) {
                             const auto peer = peers_.find(node);
                             if (peer != peers_.end()) peer->second.label = label.text();
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
    std::optional<Host> ours;
    if (const auto seen = parts_.dht.sampled_address()) ours = seen->host;
    const Path path = connection.path();
    peer->second.tells_places = true;
    peer->second.tcp_places = tcp_places_of(candidates, path, ours);
    if (const auto place = udp_place_of(candidates, path)) peer->second.udp_place = place;
    changed_.notify_all();
    if (better_loops_.size() >= max_better_loops || !better_loops_.insert(node).second) return;
    tasks_->spawn(better_loop(node));
}

// While the peer is connected to us in any way. What is known of its TCP stays when it goes.
Task<> Swarm::better_loop(NodeId node) {
    Clock& clock = parts_.runtime.clock;
    if (node_id() < node) (void)co_await pause_while_there(node, head_start);
    while (tasks_ && peers_.contains(node)) {
        auto waited = co_await pause_while_there(node, better_pasts_.due(node) - clock.now());
        if (!waited || !peers_.contains(node)) break;
        if (!has_tcp(node)) co_await dial_better(node);
        auto woken = co_await pause_while_there(node, BetterPasts::first_pause);
        const auto began = clock.now();
        while (woken && has_tcp(node)) woken = co_await changed_.wait();
        if (!woken) break;
        better_pasts_.ended(node, clock.now(), clock.now() - began);
    }
    better_loops_.erase(node);
}

Task<> Swarm::dial_better(NodeId node) {
    Findings why;
    auto places = peers_.at(node).tcp_places;
    auto link = co_await tcp_dialer_->dial(node, std::move(places), why);
    if (!tasks_ || !peers_.contains(node)) co_return;
    peers_.at(node).better_failures = why.all();
    if (!link || has_tcp(node)) co_return;
    tasks_->spawn(serve(make_connection(*std::move(link)), PeerBook::Dialed::by_us));
}

Task<Result<void>> Swarm::pause_while_there(NodeId node, Clock::Span pause) {
    return pause_while([this, node] { return peers_.contains(node); }, pause);
}

}  // namespace kp2p
