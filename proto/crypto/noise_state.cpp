#include "proto/crypto/noise_state.hpp"

#include <sodium.h>

#include <cassert>

namespace kp2p::proto {
namespace {

constexpr std::size_t hash_block_bytes = 128;

Hash64 hmac(const Hash64& key, ByteView a, ByteView b = {}) {  // RFC 2104
    std::array<std::uint8_t, hash_block_bytes> inner{}, outer{};
    std::copy(key.view().begin(), key.view().end(), inner.begin());
    outer = inner;
    for (auto& byte : inner) byte ^= 0x36;
    for (auto& byte : outer) byte ^= 0x5c;
    const Hash64 mac = blake2b_512(outer, blake2b_512(inner, a, b).view());
    sodium_memzero(inner.data(), inner.size());
    sodium_memzero(outer.data(), outer.size());
    return mac;
}

using Nonce = std::array<std::uint8_t, crypto_aead_chacha20poly1305_IETF_NPUBBYTES>;

Nonce nonce_of(std::uint64_t counter) {
    Nonce nonce{};
    for (std::size_t i = 0; i < 8; i++)
        nonce[4 + i] = static_cast<std::uint8_t>(counter >> (8 * i));
    return nonce;
}

}  // namespace

HkdfPair hkdf(const Hash64& chaining_key, ByteView input) {
    Hash64 prk = hmac(chaining_key, input);
    const std::uint8_t one = 1, two = 2;
    HkdfPair pair;
    pair.first = hmac(prk, ByteView(&one, 1));
    pair.second = hmac(prk, pair.first.view(), ByteView(&two, 1));
    sodium_memzero(prk.data(), Hash64::size_bytes);
    return pair;
}

SymmetricState::SymmetricState(std::string_view protocol_name, ByteView prologue) {
    assert(protocol_name.size() <= Hash64::size_bytes);
    std::copy(protocol_name.begin(), protocol_name.end(), hash_.data());
    chaining_key_ = hash_;
    mix_hash(prologue);
}

SymmetricState::~SymmetricState() {
    sodium_memzero(chaining_key_.data(), Hash64::size_bytes);
    if (key_) sodium_memzero(key_->data(), CipherKey::size_bytes);
}

void SymmetricState::mix_hash(ByteView data) { hash_ = blake2b_512(hash_.view(), data); }

void SymmetricState::mix_key(ByteView secret) {
    HkdfPair pair = hkdf(chaining_key_, secret);
    chaining_key_ = pair.first;
    key_ = CipherKey(pair.second.view().first<32>());
    nonce_ = 0;
    sodium_memzero(&pair, sizeof pair);
}

void SymmetricState::encrypt_and_hash(ByteView plain, ByteVector& out) {
    const std::size_t at = out.size();
    if (key_) {
        out.resize(at + plain.size() + tag_bytes());
        crypto_aead_chacha20poly1305_ietf_encrypt(out.data() + at, nullptr, plain.data(),
                                                  plain.size(), hash_.data(), Hash64::size_bytes,
                                                  nullptr, nonce_of(nonce_++).data(), key_->data());
    } else {
        out.insert(out.end(), plain.begin(), plain.end());
    }
    mix_hash(ByteView(out).subspan(at));
}

Result<ByteVector> SymmetricState::decrypt_and_hash(ByteView cipher) {
    ByteVector plain(cipher.begin(), cipher.end());
    if (key_) {
        if (cipher.size() < tag_bytes()) return Errc::truncated;
        plain.resize(cipher.size() - tag_bytes());
        if (crypto_aead_chacha20poly1305_ietf_decrypt(
                plain.data(), nullptr, nullptr, cipher.data(), cipher.size(), hash_.data(),
                Hash64::size_bytes, nonce_of(nonce_++).data(), key_->data()) != 0)
            return Errc::bad_decryption;
    }
    mix_hash(cipher);
    return plain;
}

HkdfPair SymmetricState::split() const { return hkdf(chaining_key_, {}); }

}  // namespace kp2p::proto
