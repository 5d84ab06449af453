#include "node/dht/reachability.hpp"

#include "proto/compact.hpp"

namespace kp2p {

using namespace proto::dht;

namespace {

constexpr unsigned stable_ticks = 720, citizen_retry_ticks = 2;
// The reference lets every node wait, so that the public network is not full of nodes that come
// and go. A network that cannot fill a query's answer needs everyone who can be reached: it must
// live on when its bootstrap node dies.
constexpr std::size_t small_network_nodes = 20;
constexpr unsigned small_network_retry_ticks = 120;
constexpr std::size_t test_nodes = 5, needed_of_five = 3, needed_of_fewer = 1;

}  // namespace

std::uint16_t Reachability::server_port() {
    return rpc_.port(SocketId::server)->socket().local().port;
}

bool Reachability::tick() {
    if (citizenship_ == Citizenship::guest || rpc_.node().persistent()) return false;
    const std::size_t nodes = rpc_.node().table().size();
    if (nodes > 0 && nodes < small_network_nodes && --small_network_ticks_left_ == 0) {
        small_network_ticks_left_ = small_network_retry_ticks;
        return true;
    }
    if (stable_ticks_left_ > 0 && --stable_ticks_left_ > 0) return false;
    const bool changed = rpc_.node().upkeep().sampler().address() != checked_;
    stable_ticks_left_ = citizenship_ == Citizenship::citizen ? citizen_retry_ticks : stable_ticks;
    return changed || citizenship_ == Citizenship::citizen;
}

void Reachability::woke_up(const DhtId& random_id) {
    stable_ticks_left_ = stable_ticks;
    small_network_ticks_left_ = 1;
    checked_.reset();
    if (citizenship_ == Citizenship::adaptive && rpc_.node().persistent())
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
    if (!node.open()) {
        auto tested = co_await test_firewall(*sampled);
        if (!tested) co_return false;
        node.set_reach(Reach::open);
        sampler = *tested;
    }
    if (node.upkeep().sampler().address() != sampled) co_return true;
    node.upkeep().sampler() = sampler;
    if (scope == Scope::everything)
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
        auto bootstrap = co_await bootstrap_.addresses();
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
