#include "node/process/ports.hpp"

#include "node/log/log.hpp"
#include "node/net/interfaces.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// Where HyperDHT nodes listen by custom.
constexpr std::uint16_t usual_port = 49737;
// A port that is free for UDP may be taken for TCP: then another is tried.
constexpr int max_tries = 16;

Result<Ports> open_at(Executor executor, Clock& clock, const Endpoint& local, std::string& why) {
    auto udp = UdpSocket::open(executor, local);
    if (!udp) {
        why = "UDP " + local.text() + ": " + bind_words(local.host, udp.error());
        return udp.error();
    }
    const Endpoint bound{local.host, (*udp)->local().port};
    auto tcp = TcpStreams::open(executor, clock, bound);
    if (!tcp) {
        why = "TCP " + bound.text() + ": " + tcp.error().message();
        return tcp.error();
    }
    return Ports{*std::move(udp), *std::move(tcp)};
}

}  // namespace

Result<Ports> open_ports(Executor executor, Clock& clock, const PortWish& wish, std::string& why) {
    const bool may_be_other = wish.port.value_or(0) == 0;
    std::uint16_t port = wish.port.value_or(usual_port);
    if (const std::string never = why_never_bound(wish.host); !never.empty()) {
        why = "--host " + wish.host.text() + ": " + never;
        return Errc::usage;
    }
    for (int tries = 1;; ++tries) {
        auto opened = open_at(executor, clock, {wish.host, port}, why);
        const bool in_use = !opened && opened.error() == asio::error::address_in_use;
        if (opened) why.clear();  // of a try before
        if (opened || !in_use) return opened;
        if (!may_be_other || tries == max_tries) return Errc::port_in_use;
        port = 0;
    }
}

Result<std::unique_ptr<HttpServer>> open_api(Runtime& runtime, const Settings& settings,
                                             const ConfigDir& config, const proto::ApiToken& token,
                                             std::string& why) {
    const bool named = !settings.api_socket.empty();
    if (!named && !settings.api_group.empty()) {
        why = "--api-group goes with --api-socket, in a directory that the group can enter";
        return Errc::usage;
    }
    const std::filesystem::path socket = named ? settings.api_socket : config.api_socket();
    const std::uint16_t port = settings.api_port.value_or(usual_api_port);
    const auto open_at = [&](std::uint16_t at) {
        return HttpServer::open(
            runtime, {.port = at, .token = token, .socket = socket, .group = settings.api_group});
    };
    auto http = open_at(port);
    // As where another user of this computer has a daemon.
    if (!http && http.error() == Errc::port_in_use && !settings.api_port) http = open_at(0);
    if (!http) {
        why = "API 127.0.0.1:" + std::to_string(port);
        return http.error();
    }
    const auto error = (*http)->socket_error();
    if (error && named) {
        why = error == Errc::usage ? "there is no group " + settings.api_group : socket.string();
        return error;
    }
    if (error)
        log(LogLevel::warning, "daemon", "no api.sock, only the API's port: " + error.message());
    return http;
}

}  // namespace kp2p
