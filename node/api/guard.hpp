// Guard: which HTTP requests the API takes at all. A page in a browser on this computer can send
// requests to loopback, so knowing a secret is not enough: the Host must be ours (no rebinding of
// names), and an Origin, which browsers add, must be ours too. Bodies are small JSON, or bytes
// where a route takes those.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/api/http_message.hpp"
#include "proto/crypto/api_proof.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

inline constexpr std::size_t max_body_bytes = 64 * 1024;

// How a connection came in: over the Unix socket, which only its owner can reach, or over TCP.
enum class Way { local, tcp };
enum class BodyKind { json, bytes };

struct Refusal {
    int status = 0;  // of HTTP
    Errc code = Errc::failed;
    std::string message;
};

// Both check...() say why the request is refused; nothing if it may pass.
class Guard {
  public:
    Guard(const proto::ApiToken& token, std::uint16_t port);

    std::optional<Refusal> check_sender(const RequestHead& head, Way way) const;
    std::optional<Refusal> check_body(const RequestHead& head, BodyKind kind) const;

    // The first half of the proof in both directions: the answer to a client's nonce.
    proto::ApiHello hello(const proto::ApiNonce& client, const proto::ApiNonce& server) const;
    proto::ApiProof proof(const proto::ApiHello& hello) const;
    // Whether the request shows, after that hello, that its sender knows the token.
    bool is_proven(const RequestHead& head, const std::optional<proto::ApiHello>& hello) const;

  private:
    bool is_own(std::string_view authority) const;

    proto::ApiToken token_;
    std::uint16_t port_;
    std::string authorities_[2];
};

}  // namespace kp2p
