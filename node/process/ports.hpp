// Where others find a node: other nodes at one number, open for UDP and for TCP, and the commands
// at its API.
#pragma once

#include "node/api/http_server.hpp"
#include "node/net/udp_socket.hpp"
#include "node/process/config_dir.hpp"
#include "node/settings/settings.hpp"
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

// With the Unix socket that the settings name, or else that of the configuration directory, without
// which TCP has to do. Errc::usage for a group that is not there; Errc::port_in_use; the system's.
Result<std::unique_ptr<HttpServer>> open_api(Runtime& runtime, const Settings& settings,
                                             const ConfigDir& config, const proto::ApiToken& token,
                                             std::string& why);

}  // namespace kp2p
