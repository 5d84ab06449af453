// WebAddress: the host and the port of a URL, and what of these stands in the variables https_proxy
// and no_proxy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/result.hpp"

namespace kp2p::proto::tunnel {

struct WebAddress {
    std::string host;  // a name, in lower case, or an address without brackets
    std::uint16_t port = 0;

    // "HOST", "HOST:PORT", "[2001:db8::1]:PORT"; anything else is Errc::bad_text.
    static Result<WebAddress> parse(std::string_view text, std::uint16_t usual_port);
    std::string host_text() const;  // in brackets if it is IPv6
    std::string text() const;       // with the port
    friend bool operator==(const WebAddress&, const WebAddress&) = default;
};

// A proxy, as https_proxy names it.
struct Proxy {
    enum class Speaks { http, socks5 };

    WebAddress address;
    std::string credentials;  // "USER:PASSWORD", percent-encoding undone; empty: none
    Speaks speaks = Speaks::http;

    // "[http://][USER[:PASSWORD]@]HOST[:PORT][/]", or the same with socks5:// or socks5h://; by
    // either the proxy looks names up. Errc::bad_text for anything else, SOCKS 4, and a proxy that
    // is itself to be spoken to over TLS, with what is wrong in `complaint`, which names no secret.
    static Result<Proxy> parse(std::string_view text, std::string& complaint);
    friend bool operator==(const Proxy&, const Proxy&) = default;
};

// Whether the list of no_proxy names this host: "*", or names, addresses and blocks of these
// ("10.0.0.0/8") with commas or blanks between them, each but a block with a port or not; a name is
// for those below it, too, with a dot before it or not.
bool is_without_proxy(std::string_view no_proxy, const WebAddress& to);

}  // namespace kp2p::proto::tunnel
