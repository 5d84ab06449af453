// What announces and mutable records are signed over: a namespace and a hash, 64 bytes.
//   announce := ns(ANNOUNCE or UNANNOUNCE) H(target node token peer refresh)
//   mutable  := ns(MUTABLE_PUT) H(seq value)
// `bump` is not signed. Source: npm hyperdht 6.34.0 (lib/persistent.js).
#pragma once

#include "proto/crypto/hash.hpp"
#include "proto/dht/wire/messages.hpp"

namespace kp2p::proto::dht {

enum class AnnounceKind { announce, unannounce };

struct AnnounceScope {  // what ties an announce to one node and one moment
    DhtId target;
    DhtId node;   // id of the node that is asked
    Token token;  // the one this request carries
};

Hash64 announce_signable(AnnounceKind kind, const AnnounceScope& scope, const Announce& announce);
Hash64 mutable_signable(std::uint64_t seq, ByteView value);

// Fills in the signature; announce.peer must be set and be the key pair's.
void sign(AnnounceKind kind, const AnnounceScope& scope, const KeyPair& keys, Announce& announce);
// The value of an announce of the key pair, found through these relays.
ByteVector signed_announce(AnnounceKind kind, const AnnounceScope& scope, const KeyPair& keys,
                           std::vector<Endpoint> relays);
MutablePut sign_mutable(const KeyPair& keys, std::uint64_t seq, ByteVector value);

[[nodiscard]] bool verify(AnnounceKind kind, const AnnounceScope& scope, const Announce& announce);
[[nodiscard]] bool verify(const MutablePut& put);

// A refresh token is known by its hash; showing it renews the announce and becomes the next one.
Refresh hash_of(const Refresh& refresh);

}  // namespace kp2p::proto::dht
