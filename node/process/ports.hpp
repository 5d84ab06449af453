// The port of the node: one number, open for UDP and for TCP.
#pragma once

#include "node/net/udp_socket.hpp"
#include "node/transport/tcp_streams.hpp"

namespace kp2p {

struct Ports {
    std::unique_ptr<UdpSocket> udp;
    std::unique_ptr<TcpStreams> tcp;
};

struct PortWish {
    Host host;
    std::optional<std::uint16_t> port;  // absent: the usual one if it is free, 0: any
};

// Errc::port_in_use, or what the system says, with a sentence in `why`.
Result<Ports> open_ports(Executor executor, Clock& clock, const PortWish& wish, std::string& why);

}  // namespace kp2p
