// SymmetricState: the running secrets of a Noise handshake: transcript hash h, chaining key ck,
// cipher key k with its nonce n. Noise_*_Ed25519_ChaChaPoly_BLAKE2b with 64-byte hashes.
// Source: the Noise Protocol Framework, 5.2; npm noise-handshake 4.2.0.
//   HKDF(ck, ikm): prk = HMAC(ck, ikm), T1 = HMAC(prk, 1), T2 = HMAC(prk, T1 || 2), 64 bytes each
//   MixKey: ck = T1, k = first 32 bytes of T2, n = 0      nonce: 4 zero bytes, n as u64
// A value: copy it to try something, keep the copy if it worked.
#pragma once

#include <optional>
#include <string_view>

#include "proto/crypto/hash.hpp"

namespace kp2p::proto {

using CipherKey = Bytes<struct CipherKeyTag, 32>;

struct HkdfPair {
    Hash64 first, second;
};
HkdfPair hkdf(const Hash64& chaining_key, ByteView input);

class SymmetricState {
  public:
    // The name has at most 64 bytes.
    SymmetricState(std::string_view protocol_name, ByteView prologue);
    ~SymmetricState();
    SymmetricState(const SymmetricState&) = default;
    SymmetricState& operator=(const SymmetricState&) = default;

    void mix_hash(ByteView data);
    void mix_key(ByteView secret);
    // Appends to `out`; plain while there is no key yet.
    void encrypt_and_hash(ByteView plain, ByteVector& out);
    Result<ByteVector> decrypt_and_hash(ByteView cipher);
    HkdfPair split() const;  // the first 32 bytes of each are the keys
    std::size_t tag_bytes() const { return key_ ? 16 : 0; }

    const Hash64& hash() const { return hash_; }
    const Hash64& chaining_key() const { return chaining_key_; }
    const std::optional<CipherKey>& key() const { return key_; }
    std::uint64_t nonce() const { return nonce_; }

  private:
    Hash64 hash_, chaining_key_;
    std::optional<CipherKey> key_;
    std::uint64_t nonce_ = 0;
};

}  // namespace kp2p::proto
