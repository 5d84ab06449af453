#include "node/dht/reachability.hpp"

#include <algorithm>

#include "proto/compact.hpp"

namespace kp2p {

using namespace proto::dht;

namespace {

constexpr unsigned stable_ticks = 720, persistent_retry_ticks = 2;
// The reference lets every node wait, so that the public network is not full of nodes that come
// and go. A network that cannot fill a query's answer needs everyone who can be reached: it must
// live on when its bootstrap node dies.
constexpr std::size_t small_network_nodes = 20;
constexpr unsigned small_network_retry_ticks = 120;
constexpr std::size_t test_nodes = 5, needed_of_five = 3, needed_of_fewer = 1;

}  // namespace

std::uint16_t Reachability::server_port() {
    if (forwarded_) return forwarded_->port;
    return rpc_.port(SocketId::server)->socket().local().port;
}

std::optional<std::uint16_t> Reachability::forwarded_port() const {
    return forwarded_ ? std::optional(forwarded_->port) : std::nullopt;
}

// Others decide: what the router says only tells where and when to ask them. A node that they
// reach without it needs none.
bool Reachability::set_forwarded(const std::optional<Endpoint>& from, const DhtId& random_id) {
    Node& node = rpc_.node();
    if (persistence_ != Persistence::adaptive || from == forwarded_) return false;
    if (node.open() && !forwarded_) {
        if (from && from->port == server_port()) forwarded_ = from;  // so that may be why
        return false;
    }
    const bool moved = forwarded_ && from && forwarded_->host != from->host;
    forwarded_ = from;
    forwarding_pause_ticks_ = forwarding_ticks_left_ = 1;
    checked_.reset();
    if (moved) {  // what others have said of our address was of the one before: they are asked anew
        node.upkeep().sampler() = NatSampler();
        node.upkeep().woke_up();
    }
    if (!node.open()) return from.has_value();
    node.set_reach(Reach::behind_nat);
    if (node.persistent()) node.become_ephemeral(random_id);
    return true;
}

bool Reachability::forwarding_tick() {
    if (!forwarded_ || rpc_.node().open() || --forwarding_ticks_left_ > 0) return false;
    forwarding_pause_ticks_ = std::min(2 * forwarding_pause_ticks_, stable_ticks);
    forwarding_ticks_left_ = forwarding_pause_ticks_;
    return true;
}

bool Reachability::tick() {
    if (persistence_ == Persistence::ephemeral || rpc_.node().persistent()) return false;
    const std::size_t nodes = rpc_.node().table().size();
    if (nodes > 0 && nodes < small_network_nodes && --small_network_ticks_left_ == 0) {
        small_network_ticks_left_ = small_network_retry_ticks;
        return true;
    }
    if (stable_ticks_left_ > 0 && --stable_ticks_left_ > 0) return false;
    const bool changed = rpc_.node().upkeep().sampler().address() != checked_;
    stable_ticks_left_ =
        persistence_ == Persistence::persistent ? persistent_retry_ticks : stable_ticks;
    return changed || persistence_ == Persistence::persistent;
}

void Reachability::woke_up(const DhtId& random_id) {
    stable_ticks_left_ = stable_ticks;
    small_network_ticks_left_ = 1;
    checked_.reset();
    if (persistence_ == Persistence::adaptive && rpc_.node().persistent())
        rpc_.node().become_ephemeral(random_id);
}

Task<Result<bool>> Reachability::update(Scope scope) {
    Node& node = rpc_.node();
    if (node.persistent()) co_return false;
    if (scope == Scope::firewall_only && node.open()) co_return false;
    const auto sampled = node.upkeep().sampler().address();
    if (scope == Scope::everything) checked_ = sampled;
    if (!sampled || sampled->port == 0) co_return false;
    NatSampler sampler = node.upkeep().sampler();
    const bool was_open = node.open();
    if (!was_open) {
        auto tested = co_await test_firewall(*sampled);
        if (!tested) co_return false;
        node.set_reach(Reach::open);
        sampler = *tested;
    }
    if (node.upkeep().sampler().address() != sampled) co_return true;
    node.upkeep().sampler() = sampler;
    // Others store a node under the address that its packets come from, which behind a router that
    // forwards is seen only once they leave from the server port.
    const bool address_is_sure = !forwarded_ || (was_open && sampled->port == forwarded_->port);
    if (scope == Scope::everything && address_is_sure)
        node.become_persistent(*sampler.address());
    else
        node.adopt_id(id_of(*sampler.address()));
    co_return true;
}

Task<std::optional<NatSampler>> Reachability::test_firewall(Endpoint sampled) {
    std::vector<Endpoint> nodes;
    for (const TableNode* node : rpc_.node().table().latest(test_nodes))
        nodes.push_back(node->address);
    if (nodes.size() < test_nodes) {
        const Clock::Span patience = nodes.empty() ? name_limit : Bootstrap::short_patience;
        auto bootstrap = co_await bootstrap_.addresses(patience);
        nodes.insert(nodes.end(), bootstrap.begin(), bootstrap.end());
    }
    std::vector<Ask> asks;
    for (const Endpoint& node : nodes) {
        Ask ask;
        ask.from = SocketId::client;
        ask.to = node;
        ask.command = InternalCommand::ping_nat;
        ask.value = proto::Writer().u16(server_port()).take();
        asks.push_back(std::move(ask));
    }
    rpc_.node().watch(nodes);
    NatSampler seen;
    std::size_t reached = 0;
    auto on_answer = [&](std::size_t i, const Reply& reply) {
        if (!rpc_.node().reached_by(nodes[i])) return;
        ++reached;
        seen.add(reply.to);
    };
    const std::size_t needed = nodes.size() >= test_nodes ? needed_of_five : needed_of_fewer;
    auto enough = [&](const Rpc::Progress&) { return reached >= needed && seen.address(); };
    auto answers = co_await rpc_.request_until(std::move(asks), on_answer, enough);
    rpc_.node().watch({});
    if (!answers || reached < needed || !seen.address()) co_return std::nullopt;
    if (seen.address()->host != sampled.host || seen.address()->port != server_port())
        co_return std::nullopt;
    co_return seen;
}

}  // namespace kp2p
