#include "proto/tunnel/web_address.hpp"

#include <algorithm>

#include "proto/bytes.hpp"
#include "proto/host.hpp"
#include "proto/number.hpp"
#include "proto/text.hpp"

namespace kp2p::proto::tunnel {
namespace {

constexpr std::size_t max_host_bytes = 253, max_credential_bytes = 512;
constexpr std::size_t max_socks_user_bytes = 255;  // and of the password (RFC 1929)
constexpr std::uint16_t usual_proxy_port = 80, usual_socks_port = 1080;
constexpr std::string_view list_ends = ", \t\r\n";

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

std::string_view without_brackets(std::string_view text) {
    const bool has = text.size() > 2 && text.front() == '[' && text.back() == ']';
    return has ? text.substr(1, text.size() - 2) : text;
}

bool is_in_block(std::string_view block, const Host& host) {
    const auto slash = block.find('/');
    const auto start = Host::parse(without_brackets(block.substr(0, slash)));
    const auto bits = parse_number<unsigned>(block.substr(slash + 1));
    if (!start || !bits || start->is_v4() != host.is_v4()) return false;
    if (*bits > (host.is_v4() ? 32u : 128u)) return false;
    const unsigned fixed = *bits + (host.is_v4() ? 96 : 0);
    for (unsigned bit = 0; bit < fixed; ++bit) {
        const int differ = start->bytes()[bit / 8] ^ host.bytes()[bit / 8];
        if (differ >> (7 - bit % 8) & 1) return false;
    }
    return true;
}

// A script in JavaScript, as browsers take it, says which proxy leads to which host.
bool is_script(std::string_view url) {
    const std::string text = in_lower_case(url.substr(0, url.find_first_of("?#")));
    return text.starts_with("pac+") || text.ends_with(".pac") || text.ends_with("/wpad.dat");
}

bool names(std::string_view entry, const WebAddress& to) {
    if (entry == "*") return true;
    const auto host = Host::parse(to.host);
    if (const auto alone = Host::parse(without_brackets(entry))) return host && *host == *alone;
    if (entry.find('/') != entry.npos) return host && is_in_block(entry, *host);
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    if (entry.starts_with('.')) entry.remove_prefix(1);
    const auto at = WebAddress::parse(entry, to.port);
    if (!at || at->port != to.port) return false;
    const std::string name = in_lower_case(to.host);
    return name == at->host || (!host && name.ends_with('.' + at->host));
}

// An empty port is the usual one (RFC 3986, section 3.2.3).
std::optional<std::uint16_t> port_of(std::string_view text, std::uint16_t usual) {
    if (text.empty() || text == ":") return usual;
    if (!text.starts_with(':')) return std::nullopt;
    const auto number = parse_number<std::uint16_t>(text.substr(1));
    if (!number || *number == 0) return std::nullopt;
    return number;
}

}  // namespace

Result<WebAddress> WebAddress::parse(std::string_view text, std::uint16_t usual_port) {
    WebAddress address;
    std::string_view host = text, rest;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == text.npos) return Errc::bad_text;
        host = text.substr(1, close - 1);
        const auto parsed = Host::parse(host);
        if (!parsed || host.find(':') == host.npos) return Errc::bad_text;
        address.host = parsed->text();
        rest = text.substr(close + 1);
    } else {
        host = text.substr(0, text.find(':'));
        rest = text.substr(host.size());
        if (host.ends_with('.')) host.remove_suffix(1);  // of a name that is written out whole
        if (host.empty() || host.size() > max_host_bytes || host.ends_with('.') ||
            !std::all_of(host.begin(), host.end(), is_name_char))
            return Errc::bad_text;
        address.host = in_lower_case(host);
    }
    const auto port = port_of(rest, usual_port);
    if (!port) return Errc::bad_text;
    address.port = *port;
    return address;
}

std::string WebAddress::host_text() const {
    return host.find(':') == host.npos ? host : '[' + host + ']';
}

std::string WebAddress::text() const { return host_text() + ':' + std::to_string(port); }

Result<Proxy> Proxy::parse(std::string_view text, std::string& complaint) {
    const auto wrong = [&complaint](std::string_view what) {
        complaint = what;
        return Errc::bad_text;
    };
    Proxy proxy;
    text = without_blanks_around(text);
    if (is_script(text))
        return wrong(
            "that is a script (PAC), which programs do not run: name the proxy that it names, "
            "after PROXY");
    if (const auto scheme_end = text.find("://"); scheme_end != text.npos) {
        const std::string scheme = in_lower_case(text.substr(0, scheme_end));
        if (scheme == "https")
            return wrong("to speak to a proxy itself by TLS is not supported: only by http://");
        if (scheme == "socks5" || scheme == "socks5h")
            proxy.speaks = Speaks::socks5;
        else if (scheme.starts_with("socks"))
            return wrong("of SOCKS version 5 is supported, as socks5h://, and no other");
        else if (scheme != "http")
            return wrong("its scheme is not http:// or socks5h://");
        text.remove_prefix(scheme_end + 3);
    }
    if (const auto at = text.rfind('@'); at != text.npos) {
        auto credentials = percent_decoded(text.substr(0, at));
        if (!credentials)
            return wrong("there is a % before the @ that begins no %XX: write it %25");
        const auto colon = std::min(credentials->find(':'), credentials->size());
        const bool is_long = proxy.speaks == Speaks::socks5 &&
                             (colon > max_socks_user_bytes ||
                              credentials->size() > colon + 1 + max_socks_user_bytes);
        if (credentials->size() > max_credential_bytes || is_long)
            return wrong("its user and password are too long");
        proxy.credentials = *std::move(credentials);
        if (proxy.credentials.find(':') == std::string::npos) proxy.credentials += ':';
        text.remove_prefix(at + 1);
    }
    text = text.substr(0, text.find_first_of("/?#"));  // of a path nobody makes anything
    const bool by_http = proxy.speaks == Speaks::http;
    auto address = WebAddress::parse(text, by_http ? usual_proxy_port : usual_socks_port);
    if (!address)
        return wrong("HOST[:PORT] is a name or an address, of IPv6 in brackets, and 1 to 65535");
    proxy.address = *std::move(address);
    return proxy;
}

bool is_without_proxy(std::string_view no_proxy, const WebAddress& to) {
    while (!no_proxy.empty()) {
        const auto end = no_proxy.find_first_of(list_ends);
        if (names(no_proxy.substr(0, end), to)) return true;
        if (end == no_proxy.npos) break;
        no_proxy.remove_prefix(end + 1);
    }
    return false;
}

}  // namespace kp2p::proto::tunnel
