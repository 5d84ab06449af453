#include "node/relay_server/relay_server.hpp"

#include <openssl/crypto.h>

#include <asio/ip/v6_only.hpp>

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "node/net/address.hpp"
#include "proto/number.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using namespace proto::tunnel;

constexpr std::chrono::milliseconds relay_accept_pause{50};  // until descriptors may be there again
constexpr std::uint16_t min_wished_port = 1024;
constexpr std::string_view bearer = "Bearer ";

std::string answer_text(int status) {
    const char* const reason = status == 401   ? "Unauthorized"
                               : status == 426 ? "Upgrade Required"
                               : status == 503 ? "Service Unavailable"
                                               : "Bad Request";
    return "HTTP/1.1 " + std::to_string(status) + ' ' + reason + "\r\nUpgrade: " + protocol_name +
           "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

const std::string switching_text =
    std::string("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ") +
    protocol_name + "\r\n\r\n";

bool is_same_secret(std::string_view one, std::string_view other) {
    return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

// An entry of a list for as long as this lives.
class Entry {
  public:
    Entry(std::list<WebStream*>& list, WebStream& stream)
        : list_(list), at_(list.insert(list.end(), &stream)) {}
    Entry(const Entry&) = delete;
    ~Entry() { list_.erase(at_); }

  private:
    std::list<WebStream*>& list_;
    std::list<WebStream*>::iterator at_;
};

}  // namespace

Result<std::unique_ptr<RelayServer>> RelayServer::open(Runtime& runtime, RelayServerConfig config) {
    asio::ip::tcp::acceptor acceptor(runtime.executor);
    const asio::ip::tcp::endpoint endpoint(to_address(config.listen.host), config.listen.port);
    std::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error && config.listen.host == Host::any_v6())
        acceptor.set_option(asio::ip::v6_only(false), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error == asio::error::address_in_use) return Errc::port_in_use;
    if (error) return error;
    const std::uint16_t port = acceptor.local_endpoint(error).port();
    if (error) return error;
    return std::unique_ptr<RelayServer>(
        new RelayServer(runtime, std::move(config), std::move(acceptor), port));
}

RelayServer::RelayServer(Runtime& runtime, RelayServerConfig config,
                         asio::ip::tcp::acceptor acceptor, std::uint16_t port)
    : runtime_(runtime),
      config_(std::move(config)),
      acceptor_(std::move(acceptor)),
      local_{config_.listen.host, port} {}

Task<> RelayServer::serve() {
    auto body = [this](Tasks& tasks) -> Task<> { co_await accept_loop(tasks); };
    (void)co_await with_tasks(body);  // it ends by cancellation
}

Task<> RelayServer::accept_loop(Tasks& tasks) {
    for (;;) {
        auto [error, socket] = co_await acceptor_.async_accept(use_result);
        if (error == asio::error::operation_aborted) co_return;
        if (error) {
            auto slept = co_await runtime_.clock.sleep_for(relay_accept_pause);
            if (!slept) co_return;
            continue;
        }
        if (unproven_.size() >= max_unproven) unproven_.front()->close();
        tasks.spawn(serve_connection(std::make_unique<WebStream>(std::move(socket)), tasks));
    }
}

Task<> RelayServer::serve_connection(std::unique_ptr<WebStream> stream, Tasks& tasks) {
    Port port;
    {
        const Entry entry(unproven_, *stream);
        auto head = co_await with_timeout(runtime_.clock, proof_limit, prove(*stream));
        if (!head) co_return;
        port = port_for(*head, tasks);
    }
    const std::string answer = port ? switching_text : answer_text(503);
    auto told = co_await with_timeout(runtime_.clock, proof_limit, stream->write(as_bytes(answer)));
    if (told && port) co_await serve_client(std::move(stream), port);
}

Task<Result<HttpHead>> RelayServer::prove(WebStream& stream) {
    if (config_.tls) {
        auto accepted = co_await stream.accept_tls(config_.tls);
        if (!accepted) co_return accepted.error();
    }
    auto head = co_await stream.read_head(HttpSide::request);
    const int status = head ? status_for(*head) : 400;
    if (status == 101) co_return head;
    const std::string answer = answer_text(status);
    (void)co_await stream.write(as_bytes(answer));
    co_return Errc::unauthorized;
}

int RelayServer::status_for(const HttpHead& head) const {
    if (head.method != "GET" || !head.has_word("Connection", "upgrade") ||
        head.field("Upgrade") != protocol_name)
        return 426;
    std::string_view authorization = head.field("Authorization");
    if (!authorization.starts_with(bearer)) return 401;
    authorization.remove_prefix(bearer.size());
    return is_same_secret(authorization, config_.token) ? 101 : 401;
}

RelayServer::Port RelayServer::port_for(const HttpHead& head, Tasks& tasks) {
    const auto wish = parse_number<std::uint16_t>(head.field("Kp2p-Port"));
    const auto key = Key::from_hex(head.field("Kp2p-Key"));
    if (wish && key) {
        const auto had = ports_.find(*wish);
        if (had != ports_.end() &&
            is_same_secret(as_text(had->second->key().view()), as_text(key->view())))
            return had->second;
    }
    if (ports_.size() >= config_.max_ports) return nullptr;
    auto socket = open_socket(wish ? *wish : 0);
    if (!socket) {
        runtime_.log("relay", "no UDP port: " + socket.error().message());
        return nullptr;
    }
    auto port = std::make_shared<RelayPort>(runtime_, *std::move(socket), config_.limits);
    ports_[port->number()] = port;
    tasks.spawn(serve_port(port));
    return port;
}

Result<std::unique_ptr<UdpSocket>> RelayServer::open_socket(std::uint16_t wish) {
    const Host& host = config_.udp_host;
    if (wish >= min_wished_port)
        if (auto socket = UdpSocket::open(runtime_.executor, {host, wish})) return socket;
    return UdpSocket::open(runtime_.executor, {host, 0});
}

Task<> RelayServer::serve_port(Port port) {
    co_await port->run();
    ports_.erase(port->number());
}

Task<> RelayServer::serve_client(std::unique_ptr<WebStream> stream, Port port) {
    const std::string who = stream->remote().text();
    const Endpoint address{config_.public_host, port->number()};
    runtime_.log("relay", "UDP port " + std::to_string(address.port) + " for " + who);
    FrameLink link(runtime_.executor, runtime_.clock, std::move(stream),
                   std::make_unique<FrameReader>());
    link.send(Allocated{address, port->key()});
    port->attach(link);
    const auto take = [&port](const Frame& frame) { port->take(frame); };
    auto body = [&](Tasks&) -> Task<> { co_await link.run(take); };
    (void)co_await with_tasks(body);  // what follows is done also when this was cancelled
    port->detach(link);
    runtime_.log("relay", "port " + std::to_string(address.port) + ": " + who + " has gone");
}

}  // namespace kp2p
