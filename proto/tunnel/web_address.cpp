#include "proto/tunnel/web_address.hpp"

#include <algorithm>

#include "proto/bytes.hpp"
#include "proto/host.hpp"
#include "proto/number.hpp"
#include "proto/text.hpp"

namespace kp2p::proto::tunnel {
namespace {

constexpr std::size_t max_host_bytes = 253, max_credential_bytes = 512;
constexpr std::uint16_t usual_proxy_port = 8080;

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

bool names(std::string_view entry, const WebAddress& to) {
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    while (entry.ends_with(' ')) entry.remove_suffix(1);
    if (entry == "*") return true;
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    const bool below = entry.starts_with('.');
    if (below) entry.remove_prefix(1);
    const auto at = WebAddress::parse(entry, to.port);
    if (!at || at->port != to.port) return false;
    const std::string name = in_lower_case(at->host), host = in_lower_case(to.host);
    return host == name || (host.size() > name.size() && host.ends_with('.' + name));
}

}  // namespace

Result<WebAddress> WebAddress::parse(std::string_view text, std::uint16_t usual_port) {
    WebAddress address;
    address.port = usual_port;
    std::string_view port;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == text.npos) return Errc::bad_text;
        const auto host = Host::parse(text.substr(1, close - 1));
        if (!host || host->is_v4()) return Errc::bad_text;
        address.host = host->text();
        port = text.substr(close + 1);
        if (!port.empty() && !port.starts_with(':')) return Errc::bad_text;
        if (!port.empty()) port.remove_prefix(1);
        if (port.empty() && close + 1 < text.size()) return Errc::bad_text;
    } else {
        const auto colon = text.find(':');
        const std::string_view host = text.substr(0, colon);
        if (host.empty() || host.size() > max_host_bytes ||
            !std::all_of(host.begin(), host.end(), is_name_char))
            return Errc::bad_text;
        address.host = host;
        if (colon == text.npos) return address;
        port = text.substr(colon + 1);
        if (port.empty()) return Errc::bad_text;
    }
    if (port.empty()) return address;
    const auto number = parse_number<std::uint16_t>(port);
    if (!number || *number == 0) return Errc::bad_text;
    address.port = *number;
    return address;
}

std::string WebAddress::host_text() const {
    return host.find(':') == host.npos ? host : '[' + host + ']';
}

std::string WebAddress::text() const { return host_text() + ':' + std::to_string(port); }

Result<Proxy> Proxy::parse(std::string_view text) {
    Proxy proxy;
    constexpr std::string_view http = "http://";
    if (text.starts_with(http)) text.remove_prefix(http.size());
    if (text.find("://") != text.npos) return Errc::bad_text;
    if (text.ends_with('/')) text.remove_suffix(1);
    if (const auto at = text.rfind('@'); at != text.npos) {
        auto credentials = percent_decoded(text.substr(0, at));
        if (!credentials) return credentials.error();
        if (credentials->size() > max_credential_bytes) return Errc::bad_text;
        proxy.credentials = *std::move(credentials);
        if (proxy.credentials.find(':') == std::string::npos) proxy.credentials += ':';
        text.remove_prefix(at + 1);
    }
    auto address = WebAddress::parse(text, usual_proxy_port);
    if (!address) return address.error();
    proxy.address = *std::move(address);
    return proxy;
}

bool is_without_proxy(std::string_view no_proxy, const WebAddress& to) {
    while (!no_proxy.empty()) {
        const auto comma = no_proxy.find(',');
        if (names(no_proxy.substr(0, comma), to)) return true;
        if (comma == no_proxy.npos) break;
        no_proxy.remove_prefix(comma + 1);
    }
    return false;
}

}  // namespace kp2p::proto::tunnel
