#include "node/process/known_relays.hpp"

#include <algorithm>
#include <cstdlib>

#include "node/async/offload.hpp"
#include "node/tunnel/either_socket.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using namespace proto::tunnel;

std::string variable(const char* lower, const char* upper) {
    for (const char* name : {lower, upper})
        if (const char* value = std::getenv(name); value && *value) return value;
    return {};
}

// Nobody makes us knock at doors of our own computer.
bool leads_to_ourselves(const RelayUrl& url) {
    const auto host = Host::parse(url.host);
    if (!host) return false;
    const HostKind kind = host->kind();
    return kind == HostKind::loopback || kind == HostKind::unspecified ||
           kind == HostKind::link_local;
}

// So that no member displaces in a moment what others have told.
constexpr proto::TokenBucket::Limits relay_news{1.0 / 600, 16};

}  // namespace

Result<RelayRoute> relay_route(RelayUrl url, std::string& why) {
    RelayRoute route{std::move(url)};
    const std::string own = variable("https_proxy", "HTTPS_PROXY");
    const std::string proxy = own.empty() ? variable("all_proxy", "ALL_PROXY") : own;
    const std::string without = variable("no_proxy", "NO_PROXY");
    const WebAddress relay{route.url.host, route.url.port};
    if (proxy.empty() || is_without_proxy(without, relay)) return route;
    std::string complaint;
    auto parsed = Proxy::parse(proxy, complaint);
    if (parsed) {
        route.proxy = *std::move(parsed);
    } else if (own.empty()) {
        why = "all_proxy is not used: " + complaint;
    } else {  // it may hold a password
        why = "https_proxy takes http:// or socks5h://, and [USER:PASSWORD@]HOST[:PORT]: " +
              complaint + "; or take the relay's host into no_proxy";
        return Errc::usage;
    }
    return route;
}

LearntRelays::LearntRelays(Runtime& runtime, const ConfigDir& config, Tunnels& tunnels)
    : runtime_(runtime),
      config_(config),
      tunnels_(tunnels),
      learnt_(config.learnt_relays()),
      news_(runtime.clock.now(), relay_news),
      changed_(runtime.executor) {
    for (const RelayUrl& url : learnt_) use(url);
}

void LearntRelays::use(const RelayUrl& url) {
    std::string why;
    auto route = relay_route(url, why);
    if (!route) why = "what members tell of relays is of no use: " + why;
    if (!why.empty() && !std::exchange(proxy_said_, true)) runtime_.log("tunnel", why);
    if (route) tunnels_.add(*std::move(route), Tunnels::Whose::heard);
}

void LearntRelays::hear(const std::vector<std::string>& urls) {
    for (const std::string& text : urls) {
        auto url = RelayUrl::parse(text);
        if (!url || !url->tls) continue;
        if (leads_to_ourselves(*url)) continue;
        if (!learnt_.empty() && learnt_.front() == *url) continue;
        if (!news_.spend(runtime_.clock.now())) continue;
        if (std::erase(learnt_, *url) == 0)
            runtime_.log("tunnel", "a member of a channel uses " + url->place() +
                                       ", which is kept for where UDP is blocked");
        use(*url);
        learnt_.insert(learnt_.begin(), *std::move(url));
        if (learnt_.size() > ConfigDir::max_learnt_relays) learnt_.pop_back();
        kept_ = false;
        changed_.notify_all();
    }
}

Task<> LearntRelays::keep_loop() {
    for (;;) {
        while (kept_) {
            auto woken = co_await changed_.wait();
            if (!woken) co_return;
        }
        kept_ = true;
        auto keep = [&config = config_, learnt = learnt_] {
            return config.keep_learnt_relays(learnt);
        };
        const auto kept = co_await offload(runtime_.pool, keep);
        if (!kept && kept.error() == asio::error::operation_aborted) co_return;
        if (!kept) runtime_.log("tunnel", "cannot keep relays: " + kept.error().message());
    }
}

Result<KnownRelays> KnownRelays::open(Runtime& runtime, const Settings& settings, const Host& host,
                                      const ConfigDir& config, std::string& why) {
    KnownRelays relays;
    if (settings.no_tunnel) return relays;
    auto probe = UdpSocket::open(runtime.executor, {host, 0});
    if (!probe) return probe.error();
    relays.probe = *std::move(probe);
    relays.tunnels = std::make_unique<Tunnels>(runtime);
    if (settings.relay_url) {
        auto route = relay_route(*settings.relay_url, why);
        if (!route) return route.error();
        if (!why.empty()) runtime.log("tunnel", std::exchange(why, {}));
        relays.tunnels->add(*std::move(route));
        if (settings.relay_url->tls && !settings.no_share_relay)
            relays.to_tell = {settings.relay_url->text()};
    }
    relays.learnt = std::make_unique<LearntRelays>(runtime, config, *relays.tunnels);
    return relays;
}

std::unique_ptr<Datagrams> with_tunnel(std::unique_ptr<UdpSocket> socket, Tunnels* tunnels) {
    if (!tunnels) return socket;
    return std::make_unique<EitherSocket>(std::move(socket), *tunnels);
}

SocketPool::Open socket_opener(Runtime& runtime, const Host& host, Tunnels* tunnels) {
    auto direct = UdpSocket::opener(runtime.executor, {host, 0});
    if (!tunnels) return direct;
    return [direct, tunnels] { return tunnels->in_use() ? tunnels->open_passing() : direct(); };
}

}  // namespace kp2p
