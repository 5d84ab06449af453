#include "proto/endpoint.hpp"

#include "proto/errc.hpp"
#include "proto/number.hpp"

namespace kp2p {

Result<Endpoint> Endpoint::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos) return proto::Errc::bad_text;
    const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
    if (!port) return proto::Errc::bad_text;
    text = text.substr(0, colon);
    const bool in_brackets = text.size() > 2 && text.front() == '[' && text.back() == ']';
    if (in_brackets) text = text.substr(1, text.size() - 2);
    const auto host = Host::parse(text);
    const bool is_v6_text = text.find(':') != text.npos;
    if (!host || in_brackets != is_v6_text) return proto::Errc::bad_text;
    return Endpoint{*host, *port};
}

std::string Endpoint::text() const {
    const std::string port_text = ':' + std::to_string(port);
    return host.is_v4() ? host.text() + port_text : '[' + host.text() + ']' + port_text;
}

}  // namespace kp2p
