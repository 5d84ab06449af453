#include "node/node.hpp"

#include <algorithm>

#include "node/async/offload.hpp"
#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/dht/departure.hpp"
#include "node/net/interfaces.hpp"
#include "node/net/nat64.hpp"
#include "node/report/dht_facts.hpp"

namespace kp2p {
namespace {

// How long the DHT may take to forget us: who has us is asked, and then told, and both may take as
// long as finding him.
constexpr std::chrono::milliseconds shortest_farewell{600}, longest_farewell{3000};
constexpr int farewell_round_trips = 5;
// How long a router may take to forget us: as long as our process may still run, nearly.
constexpr std::chrono::milliseconds unmapping_limit{1200};
constexpr std::chrono::minutes sweep_interval{5};
constexpr std::chrono::minutes usage_lifetime{1};
constexpr std::chrono::seconds nat64_retry{10};

OpenTunnelled tunnelled_opener(Tunnels* tunnels) {
    if (!tunnels) return nullptr;
    return [tunnels](std::string& why) { return tunnels->open_detour(why); };
}

}  // namespace

Node::Node(NodeParts parts)
    : runtime_(parts.runtime),
      store_(std::move(parts.store)),
      foreign_(runtime_),
      tcp_(std::move(parts.tcp)),
      udx_(runtime_.executor, runtime_.clock, runtime_.random.number()),
      server_(std::move(parts.server), udx_),
      client_(std::move(parts.client), udx_),
      dht_(runtime_, server_, client_, std::move(parts.dht)),
      share_(ShareParts{.runtime = runtime_,
                        .store = store_,
                        .peers = peers_,
                        .foreign = foreign_,
                        .own = parts.keys.public_key()}),
      swarm_(SwarmParts{.runtime = runtime_,
                        .dht = dht_,
                        .udx = udx_,
                        .keys = std::move(parts.keys),
                        .serve = [this](auto connection) { return share_.serve(connection); },
                        .use_of = [this](const NodeId& node) { return share_.use_of(node); },
                        .entered = [this] { return entered(); },
                        .tcp = tcp_.get(),
                        .fixed = std::move(parts.peers),
                        .mapped = [this] { return mapped_candidates(); },
                        .open_socket = std::move(parts.open_socket),
                        .open_tunnelled = tunnelled_opener(parts.tunnels),
                        .relay = parts.relay,
                        .relay_urls = std::move(parts.relay_urls),
                        .heard_relays = std::move(parts.heard_relays),
                        .label = parts.label}),
      tunnels_(parts.tunnels),
      lan_service_(std::move(parts.lan)),
      mapper_(std::move(parts.mapper)),
      interfaces_(std::move(parts.interfaces)),
      label_(parts.label ? parts.label->text() : ""),
      entered_(runtime_.executor),
      addresses_changed_(runtime_.executor),
      started_(runtime_.clock.now()) {
    peers_.attach(swarm_, dht_, tunnels_);
    if (tunnels_)
        way_out_.emplace(runtime_, *tunnels_, std::move(parts.probe), dht_, [this] {
            dht_.moved();
            swarm_.doubt(Swarm::Doubt::of_place);
        });
    if (lan_service_ && tcp_)
        lan_.emplace(LanParts{
            .runtime = runtime_,
            .service = *lan_service_,
            .own = swarm_.node_id(),
            .port = tcp_->local().port,
            .keys = [this] { return channel_keys(); },
            .own_hosts = interface_hosts,
            .found = [this](std::vector<NearPeer> near) { swarm_.set_near(std::move(near)); },
            .twin = [this](std::vector<Endpoint> at) { swarm_.look_for_twin(std::move(at)); }});
    if (!mapper_) return;
    const MappingWish wish{.local = local().host,
                           .udp_port = local().port,
                           .tcp_port = tcp_ ? tcp_->local().port : std::uint16_t(0)};
    mapping_.emplace(runtime_, *mapper_, wish, [this] { mapping_changed(); });
}

Task<> Node::run() {
    auto body = [&](Tasks& tasks) -> Task<> {
        tasks.spawn(dht_.run());
        tasks.spawn(enter_network());
        tasks.spawn(swarm_.run());
        tasks.spawn(sweep_loop());
        if (way_out_) tasks.spawn(way_out_->run());
        if (mapping_) tasks.spawn(mapping_->run());
        if (lan_) tasks.spawn(lan_->run());
        if (interfaces_) tasks.spawn(follow_interfaces());
        if (interfaces_) tasks.spawn(follow_nat64());
        co_return;
    };
    (void)co_await with_tasks(body);  // it ends by cancellation
}

// Only who leaves from another address is taken for one who is elsewhere. After any other change
// others are asked, and what they say counts.
Task<> Node::follow_interfaces() {
    for (;;) {
        auto change = co_await interfaces_->changed();
        if (!change) co_return;
        if (*change == InterfaceWatch::Change::way_out) {
            runtime_.log("node", "this computer has another address than before");
            dht_.moved();
            if (mapping_) mapping_->moved();
            if (tunnels_) tunnels_->moved();
        }
        if (lan_) lan_->announce_anew();
        swarm_.doubt(Swarm::Doubt::of_place);
        addresses_changed_.notify_all();
    }
}

// The name servers of a network may be known a while after its addresses.
Task<> Node::follow_nat64() {
    for (;;) {
        const auto had = nat64_prefix();
        const std::vector<Host> own = interfaces_->hosts();
        auto looked = co_await look_for_nat64(runtime_.clock, own, ask_resolver);
        if (!looked && looked.error() == asio::error::operation_aborted) co_return;
        if (nat64_prefix() != had) {
            runtime_.log("node", nat64_prefix() ? "the network leads to IPv4 by NAT64, at " +
                                                      nat64_prefix()->text() + "/96"
                                                : "IPv4 is not reached by NAT64 any more");
            dht_.moved();
            swarm_.doubt(Swarm::Doubt::of_place);
        }
        if (interfaces_->hosts() != own) continue;  // meanwhile
        Result<void> changed = ok;
        if (looked)
            changed = co_await addresses_changed_.wait();
        else
            changed = co_await with_timeout(runtime_.clock, nat64_retry, addresses_changed_.wait());
        if (!changed && changed.error() != Errc::timed_out) co_return;
    }
}

Task<> Node::enter_network() {
    auto entered = co_await dht_.bootstrap();
    if (!entered && entered.error() == asio::error::operation_aborted) co_return;
    if (!entered) runtime_.log("dht", entered.error().message());
    runtime_.debug("dht", std::to_string(dht_nodes()) +
                              " nodes known, entered: " + (in_network() ? "yes" : "no"));
    tried_ = true;
    entered_.notify_all();
}

Task<Result<void>> Node::entered() {
    while (!tried_) {
        auto woken = co_await entered_.wait();
        if (!woken) co_return woken;
    }
    co_return ok;
}

std::chrono::milliseconds Node::farewell_limit() {
    const auto needed =
        farewell_round_trips * dht_.rpc().node().round_trip().value_or(Clock::Span());
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(needed);
    return std::clamp(limit, shortest_farewell, longest_farewell);
}

Task<> Node::farewell() {
    (void)co_await with_tasks([this](Tasks& tasks) -> Task<> {
        if (mapping_) tasks.spawn(unmap());
        (void)co_await with_timeout(runtime_.clock, farewell_limit(), swarm_.farewell());
    });
    depart(dht_);
}

Task<> Node::unmap() {
    (void)co_await with_timeout(runtime_.clock, unmapping_limit, mapping_->farewell());
}

// That the router has said so does not make us reachable: others have to see it.
void Node::mapping_changed() {
    const auto& mapping = mapping_->mapping();
    dht_.set_forwarded(mapping ? mapping->udp() : std::nullopt);
}

std::vector<ChannelKey> Node::channel_keys() const {
    std::vector<ChannelKey> keys;
    for (const ChannelName& name : share_.channels())
        if (const auto key = share_.channel_key(name)) keys.push_back(*key);
    return keys;
}

Candidates Node::mapped_candidates() const {
    using proto::Candidate;
    Candidates candidates;
    if (!mapping_ || !mapping_->mapping()) return candidates;
    const Mapping& mapping = *mapping_->mapping();
    if (const auto at = mapping.tcp())
        candidates.push_back({Candidate::Transport::tcp, Candidate::Origin::mapped, *at});
    if (const auto at = mapping.udp())
        candidates.push_back({Candidate::Transport::udp, Candidate::Origin::mapped, *at});
    return candidates;
}

Task<> Node::sweep_loop() {
    for (;;) {
        auto slept = co_await runtime_.clock.sleep_for(sweep_interval);
        if (!slept) co_return;
        auto sweep = [this] { return store_.sweep(); };
        (void)co_await offload(runtime_.pool, sweep);
    }
}

Task<NodeStatus> Node::status() {
    auto measure = [this] { return store_.partial_usage(); };
    const PartialUsage partials = co_await offload(runtime_.pool, measure);
    NodeStatus status;
    status.node = id();
    status.label = label_;
    status.udp = local();
    if (tcp_) status.tcp = tcp_->local();
    status.public_address = dht_.remote_address();
    if (tunnels_ && tunnels_->in_use()) status.tunnel = tunnels_->place();
    status.firewalled = dht_.firewalled();
    if (mapping_) {
        status.mapping = mapping_->mapping();
        status.mapping_words = mapping_->words();
    }
    status.twin = swarm_.twin();
    status.in_network = in_network();
    status.dht_nodes = dht_nodes();
    status.connections = swarm_.connections().size();
    status.channels = share_.channels();
    status.expected_channels = share_.expected_channels();
    status.peers = peers();
    status.storage_dir = store_.root();
    status.partials = partials;
    status.traffic = share_.traffic();
    status.counts = share_.counts();
    status.moving = share_.moving();
    status.relay = swarm_.relay_counts();
    status.up = runtime_.clock.now() - started_;
    co_return status;
}

std::string Node::label_of(const NodeId& node) const {
    return node == id() ? label_ : swarm_.label_of(node);
}

Node::Brief Node::brief() const {
    return {swarm_.connections().size(), share_.channels().size(), share_.moving()};
}

// Counting a large storage takes a while.
Task<Store::Usage> Node::usage() {
    if (usage_at_ && runtime_.clock.now() - *usage_at_ < usage_lifetime) co_return usage_;
    usage_at_ = runtime_.clock.now();  // who asks meanwhile is told what was counted before
    auto measure = [this] { return store_.usage(); };
    usage_ = co_await offload(runtime_.pool, measure);
    co_return usage_;
}

std::vector<PeerReport> Node::peers() const {
    std::vector<PeerReport> reports;
    for (const auto& connection : swarm_.connections()) {
        const NodeId& node = connection->remote();
        PeerReport report{
            node, {}, swarm_.paths_to(node), swarm_.why_not_better(node), swarm_.label_of(node)};
        for (const ChannelName& name : share_.channels_with(node))
            report.channels.push_back(name.text());
        reports.push_back(std::move(report));
    }
    return reports;
}

Task<NodeHealth> Node::health() {
    auto look = [store = store_]() -> Result<Facts::Storage> {
        Facts::Storage seen = look_at_storage(store.root());
        if (seen.trouble.empty() && !store.check())
            seen.trouble =
                "another, empty directory is in its place; mount it again, or start "
                "the daemon anew to use this one";
        return seen;
    };
    auto storage = co_await foreign_.call(store_.root(), look);
    NodeHealth health;
    Facts& facts = health.facts;
    if (storage)
        facts.storage = *storage;
    else
        facts.storage = {store_.root(), "it does not answer", 0};
    facts.running = Facts::Running{id(), runtime_.clock.now() - started_};
    facts.interfaces = interface_hosts();
    facts.way_out = way_out_name();
    facts.udp = local();
    if (tcp_) facts.tcp = tcp_->local();
    facts.wall = runtime_.clock.wall_now();
    note_dht(facts, dht_);
    facts.twin = swarm_.twin();
    facts.network_trouble = peers_.network_trouble();
    if (mapping_) facts.mapping = mapping_->words();
    if (tunnels_ && tunnels_->has_relays())
        facts.tunnel = Facts::Tunnel{tunnels_->place(),   tunnels_->in_use(),   tunnels_->up(),
                                     tunnels_->failure(), tunnels_->impostor(), tunnels_->wanted()};
    const RelayCounts relay = swarm_.relay_counts();
    facts.relaying = Facts::Relaying{relay.serves, relay.pairs};
    if (lan_service_) facts.lan = lan_service_->trouble();
    health.peers = peers();
    for (const ChannelName& name : share_.channels()) {
        const auto is_in = [&](const PeerReport& peer) {
            return std::ranges::find(peer.channels, name.text()) != peer.channels.end();
        };
        const auto members = std::ranges::count_if(health.peers, is_in);
        facts.channels.push_back({name.text(), std::size_t(members)});
    }
    for (const ChannelName& name : share_.expected_channels())
        facts.channels.push_back({.name = name.text(), .joined = false});
    for (const auto& [node, why] : swarm_.unreached())
        if (health.unreached.size() < max_unreached) health.unreached.push_back({node, why});
    co_return health;
}

}  // namespace kp2p
