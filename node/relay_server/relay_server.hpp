// RelayServer: UDP ports for nodes that have none, over HTTPS (proto/PROTOCOL.md, section 9).
// Shape: open(), then serve() until cancelled. One thread.
#pragma once

#include <asio/ip/tcp.hpp>
#include <list>
#include <map>

#include "node/relay_server/relay_port.hpp"

namespace kp2p {

class Tasks;

struct RelayServerConfig {
    Endpoint listen;                          // TCP
    std::shared_ptr<asio::ssl::context> tls;  // null: none, for where somebody else does it
    std::string token;
    Host udp_host;     // where the UDP ports are bound
    Host public_host;  // told to clients as that of their ports
    proto::tunnel::Policy::Limits limits;
    std::size_t max_ports = 256;
};

class RelayServer {
  public:
    // Connections that have not shown the token yet: the oldest gives way.
    static constexpr std::size_t max_unproven = 256;
    static constexpr std::chrono::seconds proof_limit{10};

    // Errc::port_in_use, or what the system says.
    static Result<std::unique_ptr<RelayServer>> open(Runtime& runtime, RelayServerConfig config);
    RelayServer(const RelayServer&) = delete;
    RelayServer& operator=(const RelayServer&) = delete;

    Task<> serve();
    Endpoint local() const { return local_; }
    std::size_t ports() const { return ports_.size(); }

  private:
    using Port = std::shared_ptr<RelayPort>;

    RelayServer(Runtime& runtime, RelayServerConfig config, asio::ip::tcp::acceptor acceptor,
                std::uint16_t port);
    Task<> accept_loop(Tasks& tasks);
    Task<> serve_connection(std::unique_ptr<WebStream> stream, Tasks& tasks);
    // The head of a request that is granted.
    Task<Result<HttpHead>> prove(WebStream& stream);
    int status_for(const HttpHead& head) const;
    Port port_for(const HttpHead& head, Tasks& tasks);
    Result<std::unique_ptr<UdpSocket>> open_socket(std::uint16_t wish);
    Task<> serve_port(Port port);
    Task<> serve_client(std::unique_ptr<WebStream> stream, Port port);

    Runtime& runtime_;
    RelayServerConfig config_;
    asio::ip::tcp::acceptor acceptor_;
    Endpoint local_;
    std::list<WebStream*> unproven_;  // the oldest first
    std::map<std::uint16_t, Port> ports_;
};

}  // namespace kp2p
