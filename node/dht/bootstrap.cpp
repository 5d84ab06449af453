#include "node/dht/bootstrap.hpp"

#include <algorithm>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
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

// Our own server, if not nobody at all.
bool Bootstrap::is_nobody(const Endpoint& at) const {
    const HostKind kind = at.host.kind();
    UdpPort* server = rpc_.port(proto::dht::SocketId::server);
    return kind == HostKind::unspecified ||
           (kind == HostKind::loopback && server && server->socket().local().port == at.port);
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
    // Its address was asked first.
    const std::string asked =
        node.address ? node.address->text() + " does not answer, and " : std::string();
    unresolved_.emplace(node.host, asked + name_words(node.host, Errc::timed_out));
    NameQuestion question{node.host};
    auto hosts = co_await hosts_of(rpc_.clock(), std::move(question));
    if (!hosts) {
        unresolved_[node.host] = asked + name_words(node.host, hosts.error());
        co_return;
    }
    std::ranges::transform(*hosts, hosts->begin(), before_nat64);
    const auto v4 = std::ranges::find_if(*hosts, &Host::is_v4);
    if (v4 == hosts->end()) {
        unresolved_[node.host] =
            asked + node.host + " has IPv6 addresses alone, and the DHT is of IPv4";
        co_return;
    }
    if (is_nobody({*v4, node.port})) {
        unresolved_[node.host] = asked + node.host + " is " + v4->text() +
                                 ", as name servers say that keep names from being used";
        co_return;
    }
    unresolved_.erase(node.host);
    resolved.push_back({*v4, node.port});
}

bool Bootstrap::all_known() const {
    const Clock::Span valid = sure_ ? remember_for : retry_after;
    return (looked_up_at_ && rpc_.clock().now() < *looked_up_at_ + valid) ||
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

Task<std::vector<Endpoint>> Bootstrap::addresses(Clock::Span patience) {
    // Where the names led is asked meanwhile.
    if (!resolved_.empty()) patience = std::min(patience, short_patience);
    const auto until = rpc_.clock().now() + patience;
    wanted_ = wanted_ || !all_known();
    wanted_now_.notify_all();
    while (wanted_ && rpc_.clock().now() < until) {
        auto woken =
            co_await with_timeout(rpc_.clock(), until - rpc_.clock().now(), looked_up_.wait());
        if (!woken && woken.error() != Errc::timed_out) break;
    }
    co_return known_addresses();
}

Task<> Bootstrap::look_up_loop() {
    for (;;) {
        while (!wanted_) {
            auto woken = co_await wanted_now_.wait();
            if (!woken) co_return;
        }
        std::vector<Endpoint> resolved;
        auto body = [&](Tasks& all) -> Task<> {
            for (const BootstrapNode& node : nodes_) all.spawn(resolve(node, resolved));
            co_return;
        };
        auto ended = co_await with_tasks(body);
        if (!ended) co_return;
        sure_ = resolved.size() == nodes_.size();
        // What was known is better than nothing.
        if (!resolved.empty()) resolved_ = std::move(resolved);
        looked_up_at_ = rpc_.clock().now();
        wanted_ = false;
        looked_up_.notify_all();
    }
}

}  // namespace kp2p
