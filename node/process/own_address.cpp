#include "node/process/own_address.hpp"

#include <asio/ip/udp.hpp>

#include "node/net/udp_socket.hpp"

namespace kp2p {

Host host_to_bind(const std::optional<Host>& wished, Executor executor) {
    if (wished) return *wished;
    const auto both = UdpSocket::open(std::move(executor), {Host::any_v6(), 0});
    return both ? Host::any_v6() : Host();
}

// Connecting a UDP socket sends nothing.
Endpoint own_address(const Endpoint& bound, Executor executor) {
    if (!bound.host.is_unspecified()) return bound;
    const auto elsewhere = asio::ip::make_address_v4("192.0.2.1");
    asio::ip::udp::socket socket(executor);
    std::error_code error;
    socket.connect({elsewhere, 9}, error);
    if (error) return Endpoint::loopback(bound.port);
    const auto local = socket.local_endpoint(error);
    if (error) return Endpoint::loopback(bound.port);
    return {local.address().to_v4().to_bytes(), bound.port};
}

}  // namespace kp2p
