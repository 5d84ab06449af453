#include "node/process/own_address.hpp"

#include <asio/ip/udp.hpp>
#include <vector>

#include "node/net/address.hpp"
#include "node/net/udp_socket.hpp"

namespace kp2p {

Host host_to_bind(const std::optional<Host>& wished, Executor executor) {
    if (wished) return *wished;
    const auto both = UdpSocket::open(std::move(executor), {Host::any_v6(), 0});
    return both ? Host::any_v6() : Host();
}

Endpoint own_address(const Endpoint& bound, Executor executor) {
    if (!bound.host.is_unspecified()) return bound;
    std::vector<const char*> elsewhere{"192.0.2.1"};
    if (!bound.host.is_v4()) elsewhere.push_back("2001:db8::1");
    for (const char* there : elsewhere) {
        // Connecting a UDP socket sends nothing.
        asio::ip::udp::socket socket(executor);
        std::error_code error;
        socket.connect({asio::ip::make_address(there), 9}, error);
        if (error) continue;
        const auto local = socket.local_endpoint(error);
        if (!error) return {from_address(local.address()), bound.port};
    }
    return Endpoint::loopback(bound.port);
}

}  // namespace kp2p
