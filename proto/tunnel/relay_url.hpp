// RelayUrl: where a relay is, and what lets one use it. It is a secret, as it holds the token.
//   https://HOST[:PORT][/PATH]#TOKEN[.FINGERPRINT]
// TOKEN is 8 to 128 characters of A-Z a-z 0-9 - and _. FINGERPRINT, the SHA-256 of the relay's
// certificate in hex, stands there when nobody vouches for that certificate: then it is this one
// and no other. http:// is the same without TLS, for tests and networks that one trusts. What is
// the same by RFC 3986, section 6, is read as the same: scheme and host in whatever case, the port
// that goes without saying, unreserved characters of the token as %XX.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/bytes.hpp"

namespace kp2p::proto::tunnel {

using Fingerprint = Bytes<struct CertificateFingerprintTag, 32>;

bool is_token(std::string_view text);

struct RelayUrl {
    bool tls = true;
    std::string host;  // a name, or an address without brackets
    std::uint16_t port = 443;
    std::string path = "/";
    std::string token;
    std::optional<Fingerprint> fingerprint;

    // Errc::bad_text, with what is wrong in `complaint`, which names no secret.
    static Result<RelayUrl> parse(std::string_view text, std::string& complaint);
    static Result<RelayUrl> parse(std::string_view text);
    std::string text() const;
    std::string place() const;      // without what is secret
    std::string authority() const;  // "HOST:PORT", the host in brackets if it is IPv6
    friend bool operator==(const RelayUrl&, const RelayUrl&) = default;
};

}  // namespace kp2p::proto::tunnel
