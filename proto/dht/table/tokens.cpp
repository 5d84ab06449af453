#include "proto/dht/table/tokens.hpp"

#include <sodium/utils.h>

#include "proto/crypto/hash.hpp"

namespace kp2p::proto::dht {
namespace {

Token token_of(const TokenSecret& secret, const Endpoint& host) {
    const std::string text = host.host.text();
    return Token(keyed_blake2b_256(secret.view(), as_bytes(text)).view());
}

}  // namespace

Token Tokens::issue(Time now, const Endpoint& host) {
    rotate(now);
    return token_of(secrets_[1], host);
}

bool Tokens::accepts(Time now, const Endpoint& host, const Token& token) {
    rotate(now);
    const auto matches = [&](const TokenSecret& secret) {
        return sodium_memcmp(token.data(), token_of(secret, host).data(), Token::size_bytes) == 0;
    };
    return matches(secrets_[1]) || matches(secrets_[0]);
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
