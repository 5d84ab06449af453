#include "proto/dht/wire/secure_payload.hpp"

#include <sodium/crypto_secretbox.h>

#include "proto/crypto/hash.hpp"

namespace kp2p::proto::dht {

ByteVector seal(const HolepunchSecret& secret, const SecretboxNonce& nonce,
                const HolepunchPayload& payload) {
    const ByteVector plain = payload.encode();
    ByteVector sealed(nonce.view().begin(), nonce.view().end());
    sealed.resize(nonce.size_bytes + crypto_secretbox_MACBYTES + plain.size());
    crypto_secretbox_easy(sealed.data() + nonce.size_bytes, plain.data(), plain.size(),
                          nonce.data(), secret.data());
    return sealed;
}

Result<HolepunchPayload> open(const HolepunchSecret& secret, ByteView sealed) {
    constexpr std::size_t nonce_bytes = SecretboxNonce::size_bytes;
    if (sealed.size() < nonce_bytes + crypto_secretbox_MACBYTES) return Errc::truncated;
    ByteVector plain(sealed.size() - nonce_bytes - crypto_secretbox_MACBYTES);
    if (crypto_secretbox_open_easy(plain.data(), sealed.data() + nonce_bytes,
                                   sealed.size() - nonce_bytes, sealed.data(), secret.data()))
        return Errc::bad_decryption;
    return HolepunchPayload::decode(plain);
}

Token address_token(const AddressSecret& secret, const Endpoint& host) {
    const std::string text = host.host.text();
    return Token(keyed_blake2b_256(secret.view(), as_bytes(text)).view());
}

}  // namespace kp2p::proto::dht
