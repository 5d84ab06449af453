#include "proto/dht/tokens.hpp"

#include "proto/crypto/hash.hpp"

namespace kp2p::proto::dht {
namespace {

Token token_of(const TokenSecret& secret, const Endpoint& host) {
    return Token(keyed_blake2b_256(secret.view(), as_bytes(host.host_text())).view());
}

}  // namespace

Token Tokens::issue(Time now, const Endpoint& host) {
    rotate(now);
    return token_of(secrets_[1], host);
}

bool Tokens::accepts(Time now, const Endpoint& host, const Token& token) {
    rotate(now);
    return token == token_of(secrets_[1], host) || token == token_of(secrets_[0], host);
}

void Tokens::rotate(Time now) {
    // Two rotations replace both secrets: after a long pause more would change nothing.
    for (int i = 0; i < 2 && now >= rotates_at_; ++i) {
        const TokenSecret next(blake2b_256(secrets_[0].view()).view());
        secrets_[0] = secrets_[1];
        secrets_[1] = next;
        rotates_at_ += rotation;
    }
    if (now >= rotates_at_) rotates_at_ = now + rotation;
}

}  // namespace kp2p::proto::dht
