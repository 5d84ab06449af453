// The relay behind kp2p-relay: a RelayServer, its certificate and its token, until a signal.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "proto/endpoint.hpp"
#include "proto/tunnel/policy.hpp"

namespace kp2p {

struct RelaySettings {
    // None: all addresses, over IPv6 too where the system has that, and the port of HTTPS.
    std::optional<Endpoint> listen;
    std::optional<Host> udp_host;  // of the UDP ports; none: as it listens
    bool tls = true;
    // PEM. Both empty: a certificate of its own, kept beside the token.
    std::filesystem::path certificate, key;
    // Made if it is not there. Empty: a token, and with it a certificate, for this run only.
    std::filesystem::path token_file;
    // What stands before the # of the URL; empty: what the relay knows of itself.
    std::string url;
    proto::tunnel::Policy::Limits limits;
};

struct RelayReady {
    Endpoint listens;
    std::string url;  // a secret
};

// Runs until SIGTERM or SIGINT. `ready` is called once. Errors, with a sentence in `why`:
// Errc::usage, Errc::port_in_use, or what the system says.
Result<void> run_relay(const RelaySettings& settings, std::string& why,
                       std::function<void(const RelayReady&)> ready);

}  // namespace kp2p
