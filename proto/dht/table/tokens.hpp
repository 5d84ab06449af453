// Round-trip tokens: a requester that can show ours receives datagrams at the host it claims.
//   token = BLAKE2b-256(dotted host, key = secret)
// Issued with the newer of two secrets, accepted with either; the pair rotates every 7.5 s, so a
// token lives 7.5 to 15 s. Rotation happens on use: an idle node does nothing.
// Source: npm dht-rpc 6.27.0 (lib/io.js).
#pragma once

#include <array>

#include "proto/dht/time.hpp"
#include "proto/dht/wire/id.hpp"

namespace kp2p::proto::dht {

using TokenSecret = Bytes<struct TokenSecretTag, 32>;

class Tokens {
  public:
    static constexpr Span rotation = std::chrono::milliseconds(7500);

    // `secrets` are random; the second is the newer one.
    Tokens(Time now, const std::array<TokenSecret, 2>& secrets)
        : secrets_(secrets), rotates_at_(now + rotation) {}

    Token issue(Time now, const Endpoint& host);
    bool accepts(Time now, const Endpoint& host, const Token& token);
    const std::array<TokenSecret, 2>& secrets() const { return secrets_; }

  private:
    void rotate(Time now);

    std::array<TokenSecret, 2> secrets_;
    Time rotates_at_;
};

}  // namespace kp2p::proto::dht
