// The life of the swarm, and dialing. Topics are in swarm_topics.cpp, connections in
// swarm_connections.cpp.
#include "node/swarm/swarm.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/swarm/dialing.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_all_dials = 32;            // those that were asked for by key included
constexpr std::chrono::seconds max_fixed_wait = 3s;  // for TCP to a fixed peer, before all else
constexpr proto::TokenBucket::Limits line_limits{0.5, 100};
constexpr std::chrono::seconds max_wait = 1s;  // to see whether work has ended meanwhile

std::unique_ptr<SocketPool> make_pool(SwarmParts& parts) {
    if (!parts.open_socket) return nullptr;
    return std::make_unique<SocketPool>(parts.runtime, parts.dht, parts.udx, parts.open_socket);
}

// A hole is punched, and a relay asked for, with one that has answered.
PeerBook::Answered answered_in(const std::vector<Finding>& why) {
    const bool answered = std::ranges::any_of(why, [](const Finding& finding) {
        return finding.code == Finding::Code::no_hole ||
               finding.code == Finding::Code::relay_failed;
    });
    return answered ? PeerBook::Answered::yes : PeerBook::Answered::no;
}

}  // namespace

Swarm::Swarm(SwarmParts parts)
    : parts_(std::move(parts)),
      twin_(parts_.runtime, parts_.dht, parts_.keys),
      announcer_(parts_.dht, parts_.keys),
      door_(parts_.runtime, parts_.dht),
      pool_(make_pool(parts_)),
      relays_(relay_parts()),
      dialer_({parts_.runtime, parts_.dht, parts_.udx, parts_.keys, pool_.get(), &relays_,
               parts_.open_tunnelled, &door_}),
      acceptor_({parts_.runtime, parts_.dht, parts_.udx, announcer_, parts_.keys,
                 [this](const NodeId& node) { return node != node_id() && has_room(Cause::came); },
                 [this](Link link) { accepted(std::move(link)); }, pool_.get(), &relays_, &door_,
                 &twin_}),
      book_(node_id(), parts_.runtime.random.number()),
      lines_(parts_.runtime.clock.now(), line_limits),
      changed_(parts_.runtime.executor),
      own_changed_(parts_.runtime.executor) {
    announcer_.on_held([this](const Endpoint& node) {
        if (tasks_) tasks_->spawn(twin_.greet_through(node));
    });
    // Their records may name our old address.
    announcer_.on_moved([this] {
        log("others see us at another address than before; announcing anew");
        own_changed_.notify_all();
        hurry_lookups();
    });
    if (!parts_.tcp) return;
    tcp_dialer_.emplace(parts_.runtime, *parts_.tcp, parts_.keys);
    tcp_acceptor_.emplace(
        TcpAcceptorParts{parts_.runtime, *parts_.tcp, parts_.keys,
                         [this](const NodeId& node) {
                             return node != node_id() && (best(node) || has_room(Cause::came));
                         },
                         [this](Link link) { accepted(std::move(link)); }, &twin_});
    std::erase_if(parts_.fixed, [this](const FixedPeer& peer) { return peer.node == node_id(); });
    for (const FixedPeer& peer : parts_.fixed) unsettled_fixed_.insert(peer.node);
}

Swarm::~Swarm() = default;

SwarmRelaysParts Swarm::relay_parts() {
    SwarmRelaysParts parts{.runtime = parts_.runtime,
                           .dht = parts_.dht,
                           .udx = parts_.udx,
                           .own = node_id(),
                           .mode = parts_.relay,
                           .shared = nullptr,
                           .found = nullptr,
                           .udp_place = nullptr,
                           .silent = nullptr,
                           .connect = nullptr,
                           .spawn = nullptr};
    parts.shared = [this](const NodeId& node) {
        return parts_.use_of ? parts_.use_of(node).topics : std::set<Topic>();
    };
    parts.found = [this](const NodeId& node) { return book_.topics(node); };
    parts.udp_place = [this](const NodeId& node) -> std::optional<Endpoint> {
        const auto peer = peers_.find(node);
        if (peer == peers_.end()) return std::nullopt;
        return peer->second.udp_place;
    };
    parts.silent = [this](const NodeId& node) {
        const auto peer = peers_.find(node);
        return peer != peers_.end() && peer->second.silent();
    };
    parts.connect = [this](NodeId node) { return connect(node); };
    parts.spawn = [this](Task<> task) {
        if (tasks_) tasks_->spawn(std::move(task));
    };
    return parts;
}

Task<> Swarm::run() {
    auto done = co_await with_tasks([this](Tasks& all) -> Task<> {
        tasks_ = &all;
        if (pool_) all.spawn(pool_->run());
        all.spawn(relays_.run());
        all.spawn(announce_loop());
        all.spawn(acceptor_.run());
        all.spawn(dial_loop());
        all.spawn(watch_loop());
        if (tcp_acceptor_) {
            all.spawn(tcp_acceptor_->run());
            for (const FixedPeer& peer : parts_.fixed) all.spawn(keep_fixed(peer));
        }
        for (const auto& [topic, joined] : topics_) start(topic);
        co_return;
    });
    (void)done;
    tasks_ = nullptr;
    peers_.clear();
    changed_.notify_all();
}

void Swarm::hurry_lookups() {
    for (const auto& [topic, joined] : topics_) {
        joined->hurry = true;
        joined->hurried.notify_all();
    }
}

void Swarm::look_for_twin(std::vector<Endpoint> places) {
    if (!tasks_ || !parts_.tcp) return;
    for (const Endpoint& place : places) tasks_->spawn(twin_.greet_at(*parts_.tcp, place));
}

std::optional<Finding> Swarm::twin() const {
    const std::string place = twin_.place();
    if (place.empty()) return std::nullopt;
    return Finding{.code = Finding::Code::same_key, .what = place};
}

Task<> Swarm::announce_loop() {
    auto done = co_await with_tasks([this](Tasks& all) -> Task<> {
        announcing_ = &all;
        if (parts_.entered) {
            auto entered = co_await parts_.entered();
            if (!entered) co_return;
        }
        co_await announcer_.run();
    });
    (void)done;
    announcing_ = nullptr;
    changed_.notify_all();
}

Task<Result<void>> Swarm::farewell() {
    std::vector<Topic> topics;
    for (const auto& [topic, joined] : topics_) topics.push_back(topic);
    for (const Topic& topic : topics) leave(topic);
    if (announcing_) announcing_->cancel();
    co_return co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(unannounce());  // beside what the topics take back
        while (tasks_ && !topics_.empty()) {
            auto woken = co_await changed_.wait();
            if (!woken) co_return;
        }
    });
}

Task<> Swarm::unannounce() {
    while (tasks_ && announcing_) {
        auto woken = co_await changed_.wait();
        if (!woken) co_return;
    }
    (void)co_await announcer_.unannounce();
}

Places Swarm::places() const {
    std::vector<Place> taken;
    for (const auto& [node, peer] : peers_) {
        Place place{node, peer.cause, peer.proven(), Use(), false};
        place.use.work = Work::busy;
        if (peer.best() && parts_.use_of) {
            place.use = parts_.use_of(node);
            place.stranger = place.use.topics.empty();
        }
        if (place.use.topics.empty()) place.use.topics = book_.topics(node);
        taken.push_back(std::move(place));
    }
    return Places(std::move(taken));
}

bool Swarm::has_room(Cause cause) const { return places().room(parts_.runtime.clock.now(), cause); }

Task<> Swarm::dial_loop() {
    for (;;) {
        start_dials();
        Clock::Span wait = 1h;
        const Places now = places();
        const auto due = book_.deadline([&](const auto& topics) { return now.need(topics); });
        if (due && dials_ < max_dials && now.room(parts_.runtime.clock.now(), Cause::topic))
            wait = *due - parts_.runtime.clock.now();
        auto woken = co_await with_timeout(parts_.runtime.clock, wait, changed_.wait());
        if (!woken && woken.error() == asio::error::operation_aborted) co_return;
    }
}

void Swarm::start_dials() {
    while (dials_ < max_dials) {
        const auto now = parts_.runtime.clock.now();
        const Places taken = places();
        if (!taken.room(now, Cause::topic)) return;
        const auto node =
            book_.next_dial(now, [&](const auto& topics) { return taken.need(topics); });
        if (!node) return;
        if (!peers_.contains(*node)) start_dial(*node, Cause::topic);
    }
}

void Swarm::start_dial(const NodeId& node, Cause cause) {
    dials_++;
    peers_[node].cause = cause;
    book_.dialing(node);
    tasks_->spawn(dial(node));
}

Task<> Swarm::dial(NodeId node) {
    Findings why;
    Result<Link> link;
    const auto own = std::make_shared<Dialing>();
    auto done = co_await with_tasks([&](Tasks& all) -> Task<> {
        own->tasks = &all;
        peers_[node].dial = own;
        link = co_await reach(node, why, own);
    });
    own->tasks = nullptr;
    dials_--;
    changed_.notify_all();
    if (own->unneeded && link) {
        // Of what the node has dialed and what we have it may take the latter, though it has heard
        // us along the former, and ends that when it does.
        const auto there = [this, node] {
            const auto held = best(node);
            return held && !held->is_closed();
        };
        auto waited = co_await pause_while(there, Dialing::max_standby);
        if (!waited || !tasks_ || there()) co_return;
        book_.dialing(node);
        withdraw(std::exchange(peers_[node].dial, own));
    }
    const auto peer = peers_.find(node);
    if (peer == peers_.end() || peer->second.dial != own) co_return;  // the peer came to us
    peer->second.dial = nullptr;
    if (!done) co_return;
    if (!link) {
        note_failure(node, why.all());
        peers_.erase(peer);
        book_.dial_failed(parts_.runtime.clock.now(), node, answered_in(why.all()));
        co_return;
    }
    auto connection = make_connection(std::move(*link));
    const PathRank rank = rank_of(connection->path());
    if (const Peer::Held* unheard = peer->second.find(rank)) unheard->connection->close();
    peer->second.hold({connection, rank, std::nullopt});
    co_await serve(connection, PeerBook::Dialed::by_us);
}

void Swarm::withdraw(std::shared_ptr<Dialing> dial) {
    if (dial && tasks_) tasks_->spawn(end_unneeded(parts_.runtime.clock, std::move(dial)));
}

Task<Result<Link>> Swarm::reach(NodeId node, Findings& why, std::shared_ptr<Dialing> dial) {
    for (const FixedPeer& peer : parts_.fixed) {
        if (peer.node != node || !tcp_dialer_) continue;
        auto limited = with_timeout(parts_.runtime.clock, max_fixed_wait, reach_fixed(peer, why));
        auto link = co_await std::move(limited);
        if (link || link.error() == asio::error::operation_aborted) co_return link;
    }
    // Before, we do not know whether others reach us, which the node that we dial is told.
    if (parts_.entered) {
        auto entered = co_await parts_.entered();
        if (!entered) co_return entered.error();
    }
    co_return co_await dialer_.dial(node, book_.relays(node), why, Dialer::Through::any,
                                    std::move(dial));
}

Task<Result<std::shared_ptr<Connection>>> Swarm::connect(NodeId node) {
    const auto began = parts_.runtime.clock.now();
    for (bool dialed = false; tasks_;) {
        const auto peer = peers_.find(node);
        // One that is closed goes in a moment.
        const std::shared_ptr<Connection> there = best(node);
        if (there && !there->is_closed()) co_return there;
        if (peer == peers_.end()) {
            if (dialed || node == node_id()) co_return Errc::cannot_connect;
            const bool room = has_room(Cause::key);
            if (!room)
                failures_.note(parts_.runtime.clock.now(), node,
                               {{.code = Finding::Code::connections_busy,
                                 .node = node,
                                 .after = milliseconds_since(parts_.runtime.clock, began)}});
            if (room && dials_ < max_all_dials) {
                dialed = true;
                start_dial(node, Cause::key);
            }
        } else if (peer->second.cause == Cause::came && !peer->second.best()) {
            peer->second.cause = Cause::key;
        }
        auto woken = co_await with_timeout(parts_.runtime.clock, max_wait, changed_.wait());
        if (!woken && woken.error() == asio::error::operation_aborted) co_return woken.error();
    }
    co_return Errc::closed;
}

void Swarm::note_failure(const NodeId& node, std::vector<Finding> why) {
    const auto before = why_not(node);
    for (const Finding& finding : why) {
        const auto same = [&](const Finding& other) { return other.code == finding.code; };
        if (std::ranges::none_of(before, same)) log(log_text_of(finding));
    }
    failures_.note(parts_.runtime.clock.now(), node, std::move(why));
}

std::vector<Finding> Swarm::why_not(const NodeId& node) const {
    return failures_.of(parts_.runtime.clock.now(), node);
}

std::vector<Finding> Swarm::why_none(const Topic& topic) const {
    std::vector<Finding> told;
    // Those that were named are looked for whatever the topic.
    for (const FixedPeer& fixed : parts_.fixed) {
        const auto why = why_not(fixed.node);
        if (!why.empty() && !best(fixed.node)) told.push_back(why.front());
    }
    // One that dials again and again without hearing us may be connected just now.
    for (const auto& [node, why] : failures_.all(parts_.runtime.clock.now()))
        if (told.size() < max_told && book_.topics(node).contains(topic))
            told.push_back(why.front());
    return told;
}

std::vector<std::pair<NodeId, std::vector<Finding>>> Swarm::unreached() const {
    auto all = failures_.all(parts_.runtime.clock.now());
    std::erase_if(all, [this](const auto& entry) { return best(entry.first) != nullptr; });
    return all;
}

void Swarm::log(const std::string& line) const { parts_.runtime.log("swarm", line); }

void Swarm::log_of(const Connection& connection, const std::string& line) {
    if (connection.role() == Role::initiator) return log(line);
    if (!lines_.spend(parts_.runtime.clock.now())) {
        lines_left_out_++;
        return;
    }
    if (lines_left_out_)
        log(std::to_string(lines_left_out_) + " lines about nodes that dialed us were left out");
    lines_left_out_ = 0;
    log(line);
}

}  // namespace kp2p
