#include "proto/dht/wire/signatures.hpp"

#include <algorithm>

namespace kp2p::proto::dht {
namespace {

Hash64 signable(std::uint8_t command, const Hash32& hash) {
    Hash64 bytes;
    const auto ns = dht_namespace_of(command).view();
    std::copy(ns.begin(), ns.end(), bytes.mutable_view().begin());
    std::copy(hash.view().begin(), hash.view().end(), bytes.mutable_view().begin() + 32);
    return bytes;
}

}  // namespace

Hash64 announce_signable(AnnounceKind kind, const AnnounceScope& scope, const Announce& announce) {
    const ByteVector peer = announce.peer ? announce.peer->encode() : ByteVector();
    const ByteView refresh = announce.refresh ? ByteView(announce.refresh->view()) : ByteView();
    return signable(
        kind == AnnounceKind::announce ? dht_namespace::announce : dht_namespace::unannounce,
        blake2b_256(scope.target.view(), scope.node.view(), scope.token.view(), peer, refresh));
}

Hash64 mutable_signable(std::uint64_t seq, ByteView value) {
    return signable(dht_namespace::mutable_put, blake2b_256(encode_mutable_signable(seq, value)));
}

void sign(AnnounceKind kind, const AnnounceScope& scope, const KeyPair& keys, Announce& announce) {
    announce.signature = keys.sign(announce_signable(kind, scope, announce).view());
}

ByteVector signed_announce(AnnounceKind kind, const AnnounceScope& scope, const KeyPair& keys,
                           std::vector<Endpoint> relays) {
    Announce announce;
    announce.peer = PeerRecord{keys.public_key(), std::move(relays)};
    sign(kind, scope, keys, announce);
    return announce.encode();
}

MutablePut sign_mutable(const KeyPair& keys, std::uint64_t seq, ByteVector value) {
    const Signature signature = keys.sign(mutable_signable(seq, value).view());
    return {keys.public_key(), seq, std::move(value), signature};
}

bool verify(AnnounceKind kind, const AnnounceScope& scope, const Announce& announce) {
    return announce.peer && announce.signature &&
           proto::verify(announce.peer->key, announce_signable(kind, scope, announce).view(),
                         *announce.signature);
}

bool verify(const MutablePut& put) {
    return proto::verify(put.key, mutable_signable(put.seq, put.value).view(), put.signature);
}

Refresh hash_of(const Refresh& refresh) { return Refresh(blake2b_256(refresh.view()).view()); }

}  // namespace kp2p::proto::dht
