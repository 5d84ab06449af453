#include "node/mapping/mapping.hpp"

namespace kp2p {

std::string_view name_of(Mapping::Method method) {
    return method == Mapping::Method::upnp ? "UPnP" : "NAT-PMP";
}

std::string sentence_of(const Mapping& mapping) {
    std::string ports;
    const auto add = [&ports](const char* transport, std::uint16_t port) {
        if (port == 0) return;
        ports += (ports.empty() ? "" : ", ") + std::string(transport) + " " + std::to_string(port);
    };
    add("UDP", mapping.udp_port);
    add("TCP", mapping.tcp_port);
    std::string text = "the router at " + mapping.router + " forwards " + ports + " of " +
                       mapping.external.text() + " to us, by " +
                       std::string(name_of(mapping.method));
    if (mapping.external.kind() != HostKind::global)
        text += "; that is no address of the Internet, so there is another NAT before it";
    return text;
}

}  // namespace kp2p
