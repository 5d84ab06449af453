#include "proto/crypto/api_proof.hpp"

#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/utils.h>

namespace kp2p::proto {
namespace {

ApiProof proof(std::string_view role, const ApiToken& token, const ApiHello& hello) {
    const std::uint8_t after_role[] = {0, static_cast<std::uint8_t>(hello.port >> 8),
                                       static_cast<std::uint8_t>(hello.port)};
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, token.data(), ApiToken::size_bytes);
    for (const ByteView part : {as_bytes(role), ByteView(after_role), ByteView(hello.client.view()),
                                ByteView(hello.server.view())})
        crypto_auth_hmacsha256_update(&state, part.data(), part.size());
    ApiProof made;
    crypto_auth_hmacsha256_final(&state, made.data());
    return made;
}

}  // namespace

ApiProof server_proof(const ApiToken& token, const ApiHello& hello) {
    return proof("kp2p api server", token, hello);
}

ApiProof client_proof(const ApiToken& token, const ApiHello& hello) {
    return proof("kp2p api client", token, hello);
}

bool same_proof(const ApiProof& one, const ApiProof& other) {
    return sodium_memcmp(one.data(), other.data(), ApiProof::size_bytes) == 0;
}

}  // namespace kp2p::proto
