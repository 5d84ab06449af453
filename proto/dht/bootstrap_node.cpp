#include "proto/dht/bootstrap_node.hpp"

#include "proto/errc.hpp"
#include "proto/number.hpp"

namespace kp2p {
namespace {

constexpr std::uint16_t default_port = 49737;

}  // namespace

Result<BootstrapNode> parse_bootstrap(std::string_view text) {
    BootstrapNode node;
    if (const auto port = parse_number<std::uint16_t>(text); port && *port != 0) {
        node.port = *port;
        node.address = Endpoint::loopback(*port);
        return node;
    }
    std::string_view suggested;
    if (const auto at = text.find('@'); at != text.npos) {
        suggested = text.substr(0, at);
        text.remove_prefix(at + 1);
    }
    const auto colon = text.find(':');
    node.port = default_port;
    if (colon != text.npos) {
        const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
        if (!port || *port == 0) return proto::Errc::bad_text;
        node.port = *port;
    }
    node.host = text.substr(0, colon);
    if (node.host.empty() || node.host.find_first_of(" /[]") != node.host.npos)
        return proto::Errc::bad_text;
    const std::string port_text = ":" + std::to_string(node.port);
    if (const auto literal = Endpoint::parse(node.host + port_text)) {
        node.address = *literal;
        node.host.clear();
    } else if (node.host.find_first_not_of("0123456789.") == node.host.npos) {
        return proto::Errc::bad_text;
    } else if (!suggested.empty()) {
        const auto address = Endpoint::parse(std::string(suggested) + port_text);
        if (!address || !address->host.is_v4()) return proto::Errc::bad_text;
        node.address = *address;
    }
    return node;
}

}  // namespace kp2p
