// KeyPair: an Ed25519 key pair, the identity of a node (static) or of one handshake (ephemeral).
// Copyable; the secret is wiped when a copy goes.
#pragma once

#include "proto/bytes.hpp"

namespace kp2p::proto {

using Seed = Bytes<struct SeedTag, 32>;  // what a key pair is derived from: as secret as the pair
using Signature = Bytes<struct SignatureTag, 64>;
using SharedSecret = Bytes<struct SharedSecretTag, 32>;

class KeyPair {
  public:
    // The caller draws the seed at random, or reads it from where it is kept.
    static KeyPair from_seed(const Seed& seed);
    KeyPair(const KeyPair&) = default;
    KeyPair& operator=(const KeyPair&) = default;
    ~KeyPair();

    const NodeId& public_key() const { return public_key_; }
    const Seed& seed() const { return seed_; }
    Signature sign(ByteView message) const;
    // Diffie-Hellman on Ed25519 points: SHA-512(seed), clamped, times the other's public key.
    // Errc::bad_point for a key of small order or that is no canonical point of the main subgroup.
    Result<SharedSecret> shared_secret(const NodeId& other) const;

  private:
    KeyPair() = default;
    Seed seed_;
    NodeId public_key_;
};

[[nodiscard]] bool verify(const NodeId& signer, ByteView message, const Signature& signature);

}  // namespace kp2p::proto
