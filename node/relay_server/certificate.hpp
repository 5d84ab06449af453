// Certificates of a relay: one that it makes for itself, and TLS with that or with one it is given.
#pragma once

#include <asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "proto/result.hpp"
#include "proto/tunnel/relay_url.hpp"

namespace kp2p {

// A new key and a certificate that it signs itself, good for ten years, both PEM.
Result<std::string> make_certificate();

// `certificates` is PEM, the server's first. Errc::usage, with the reason in `why`, when they are
// no certificate, or not of this key.
Result<std::shared_ptr<asio::ssl::context>> tls_context(const std::string& certificates,
                                                        const std::string& key, std::string& why);
// Of the first certificate in it.
Result<proto::tunnel::Fingerprint> fingerprint_of_pem(const std::string& certificates);

}  // namespace kp2p
