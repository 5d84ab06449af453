#include "proto/fixed_peer.hpp"

#include "proto/endpoint.hpp"
#include "proto/errc.hpp"
#include "proto/number.hpp"

namespace kp2p {
namespace {

constexpr std::size_t max_name_bytes = 253;

}  // namespace

Result<FixedPeer> FixedPeer::parse(std::string_view text) {
    const auto at = text.find('@'), colon = text.rfind(':');
    if (at == text.npos || colon == text.npos || colon < at) return proto::Errc::bad_text;
    const auto node = NodeId::from_hex(text.substr(0, at));
    const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
    std::string_view host = text.substr(at + 1, colon - at - 1);
    if (!node || !port || *port == 0) return proto::Errc::bad_text;
    if (const auto literal = Endpoint::parse(text.substr(at + 1)))
        return FixedPeer{*node, literal->host.text(), *port};
    const bool is_name = !host.empty() && host.size() <= max_name_bytes &&
                         host.find_first_of(" /[]:@%") == host.npos &&
                         host.find_first_not_of("0123456789.") != host.npos;
    if (!is_name) return proto::Errc::bad_text;
    return FixedPeer{*node, std::string(host), *port};
}

std::string FixedPeer::place() const {
    if (const auto address = Host::parse(host)) return Endpoint{*address, port}.text();
    return host + ':' + std::to_string(port);
}

}  // namespace kp2p
