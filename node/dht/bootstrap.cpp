#include "node/dht/bootstrap.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/net/address.hpp"
#include "node/net/nat64.hpp"

namespace kp2p {
namespace {

constexpr Clock::Span remember_for = std::chrono::minutes(10);
// Of a suggested address: all wait for the slowest entry, and the name may know better.
constexpr unsigned suggestion_retries = 1;
constexpr Clock::Span retry_after = std::chrono::seconds(5);

}  // namespace

std::vector<BootstrapNode> public_bootstrap() {
    std::vector<BootstrapNode> nodes;
    for (const char* entry :
         {"88.99.3.86@node1.hyperdht.org:49737", "142.93.90.113@node2.hyperdht.org:49737",
          "138.68.147.8@node3.hyperdht.org:49737"})
        nodes.push_back(*parse_bootstrap(entry));
    return nodes;
}

Task<> Bootstrap::resolve(const BootstrapNode& node, std::vector<Endpoint>& resolved) {
    if (node.address) {
        proto::dht::Ask ping;
        ping.from = rpc_.node().default_socket();
        ping.to = *node.address;
        ping.retries = suggestion_retries;
        const bool certain = node.host.empty();
        Result<Rpc::Reply> answer;
        if (!certain) answer = co_await rpc_.request(std::move(ping));
        if (answer) unresolved_.erase(node.host);
        if (certain || answer) co_return resolved.push_back(*node.address);
        if (answer.error() != Errc::timed_out) co_return;
    }
    unresolved_.emplace(node.host, name_words(node.host, Errc::timed_out));
    NameQuestion question{node.host};
    auto hosts = co_await hosts_of(rpc_.clock(), std::move(question));
    if (!hosts) {
        unresolved_[node.host] = name_words(node.host, hosts.error());
        co_return;
    }
    std::ranges::transform(*hosts, hosts->begin(), before_nat64);
    const auto v4 = std::ranges::find_if(*hosts, &Host::is_v4);
    if (v4 == hosts->end()) {
        unresolved_[node.host] = node.host + " has IPv6 addresses alone, and the DHT is of IPv4";
        co_return;
    }
    unresolved_.erase(node.host);
    resolved.push_back({*v4, node.port});
}

bool Bootstrap::all_known() const {
    return rpc_.clock().now() < resolve_again_ ||
           std::all_of(nodes_.begin(), nodes_.end(),
                       [](const BootstrapNode& node) { return node.host.empty(); });
}

std::vector<Endpoint> Bootstrap::known_addresses() const {
    if (!resolved_.empty()) return resolved_;
    std::vector<Endpoint> known;
    for (const BootstrapNode& node : nodes_)
        if (node.host.empty()) known.push_back(*node.address);
    if (!known.empty()) return known;
    for (const BootstrapNode& node : nodes_)
        if (node.address) known.push_back(*node.address);
    return known;
}

Task<std::vector<Endpoint>> Bootstrap::addresses() {
    while (looking_up_) {
        auto woken = co_await looked_up_.wait();
        if (!woken) co_return known_addresses();
    }
    if (all_known()) co_return known_addresses();
    looking_up_ = true;
    std::vector<Endpoint> resolved;
    auto body = [&](Tasks& all) -> Task<> {
        for (const BootstrapNode& node : nodes_) all.spawn(resolve(node, resolved));
        co_return;
    };
    auto ended = co_await with_tasks(body);
    looking_up_ = false;
    looked_up_.notify_all();
    if (!ended) co_return resolved;
    resolved_ = resolved;
    resolve_again_ = rpc_.clock().now();
    if (resolved.size() == nodes_.size())
        resolve_again_ += remember_for;
    else
        resolve_again_ += retry_after;
    co_return resolved;
}

}  // namespace kp2p
