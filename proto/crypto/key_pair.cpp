#include "proto/crypto/key_pair.hpp"

#include <sodium.h>

namespace kp2p::proto {

KeyPair KeyPair::from_seed(const Seed& seed) {
    KeyPair pair;
    std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret;
    crypto_sign_seed_keypair(pair.public_key_.data(), secret.data(), seed.data());
    sodium_memzero(secret.data(), secret.size());
    pair.seed_ = seed;
    return pair;
}

KeyPair::~KeyPair() { sodium_memzero(seed_.data(), Seed::size_bytes); }

Signature KeyPair::sign(ByteView message) const {
    std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret;  // libsodium: seed || public key
    std::copy(seed_.view().begin(), seed_.view().end(), secret.begin());
    std::copy(public_key_.view().begin(), public_key_.view().end(), secret.begin() + 32);
    Signature signature;
    crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), secret.data());
    sodium_memzero(secret.data(), secret.size());
    return signature;
}

Result<SharedSecret> KeyPair::shared_secret(const NodeId& other) const {
    std::array<std::uint8_t, crypto_hash_sha512_BYTES> scalar;
    crypto_hash_sha512(scalar.data(), seed_.data(), Seed::size_bytes);
    scalar[0] &= 248;
    scalar[31] &= 127;
    scalar[31] |= 64;
    SharedSecret secret;
    const int failed =
        crypto_scalarmult_ed25519_noclamp(secret.data(), scalar.data(), other.data());
    sodium_memzero(scalar.data(), scalar.size());
    if (failed) return Errc::bad_point;
    return secret;
}

bool verify(const NodeId& signer, ByteView message, const Signature& signature) {
    return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                       signer.data()) == 0;
}

}  // namespace kp2p::proto
