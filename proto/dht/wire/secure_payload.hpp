// The envelope of a HolepunchPayload, which relays must not read or change:
//   nonce:24 secretbox(payload)       XSalsa20-Poly1305, key = the connection's hole punch secret
// and the address token inside it. Source: npm hyperdht 6.34.0 (lib/secure-payload.js).
#pragma once

#include "proto/dht/wire/peer_messages.hpp"

namespace kp2p::proto::dht {

using HolepunchSecret = Bytes<struct HolepunchSecretTag, 32>;
using SecretboxNonce = Bytes<struct SecretboxNonceTag, 24>;
using AddressSecret = Bytes<struct AddressSecretTag, 32>;  // random, one per handshake

// `nonce` must be random and never used before under this secret.
ByteVector seal(const HolepunchSecret& secret, const SecretboxNonce& nonce,
                const HolepunchPayload& payload);
// Errc::bad_decryption if it was not sealed under this secret.
Result<HolepunchPayload> open(const HolepunchSecret& secret, ByteView sealed);

// Whoever can echo it receives what we send to `host`.
Token address_token(const AddressSecret& secret, const Endpoint& host);

}  // namespace kp2p::proto::dht
