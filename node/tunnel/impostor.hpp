// What answers in the place of a relay or of a proxy: a captive portal, which shows its page
// whatever was asked, or who looks into TLS. Clauses about it, for people, which follow on its
// place.
#pragma once

#include <openssl/types.h>

#include <string>

#include "node/async/clock.hpp"
#include "node/tunnel/http_head.hpp"

namespace kp2p {

// Why there is no tunnel.
struct TunnelTrouble {
    std::string words = {};
    bool impostor = false;  // as another has answered
};

// "answers with a web page that leads to login.example"; empty: it is no page.
std::string page_words(const HttpHead& answer);
// Why a proxy does not let us through to this port: "wants a user and a password that it knows".
std::string refusal_words(const HttpHead& answer, std::uint16_t port);
// Why one is not taken, for this reason of OpenSSL's (X509_V_OK: it is of another name).
TunnelTrouble refusal_of(X509* certificate, int reason, Clock::WallTime now);
// "shows a certificate of NAME that ISSUER has made"; of none: nothing.
std::string certificate_words(X509* certificate);

}  // namespace kp2p
