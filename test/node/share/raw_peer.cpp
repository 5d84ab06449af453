#include "test/node/share/raw_peer.hpp"

#include <doctest/doctest.h>

namespace kp2p::test {

RawPeer::RawPeer(FakeNetwork& network, Answer answer)
    : network_(network), answer_(answer), key_(lab_key()) {
    id_ = network_.add_stranger(proto::channel_topic(key_), [this](std::shared_ptr<Connection> c) {
        return serve(std::move(c));
    });
}

Task<> RawPeer::serve(std::shared_ptr<Connection> connection) {
    connections_[connection->remote()] = connection;
    if (answer_ == Answer::nothing)
        connection->on_open(proto::lookup_protocol, [](const proto::RemoteOpen&) { return true; });
    auto ended = co_await connection->closed();
    (void)ended;
}

Task<ChannelEnd> RawPeer::open_lookup(NodeId to) {
    const std::shared_ptr<Connection> connection = connections_.at(to);
    const HandshakeHash& hash = connection->handshake_hash();
    const LookupId id = proto::lookup_id(key_, hash);
    const MembershipProof proof = proto::membership_proof(key_, hash, connection->role());
    ByteVector id_bytes(id.view().begin(), id.view().end());
    ByteVector proof_bytes(proof.view().begin(), proof.view().end());
    auto opened = co_await connection->open(proto::lookup_protocol, id_bytes, proof_bytes);
    REQUIRE(opened);
    lookups_.push_back(*opened);
    co_return *opened;
}

Task<ChannelEnd> RawPeer::open_transfer(NodeId to) {
    const std::shared_ptr<Connection> connection = connections_.at(to);
    auto lookup = co_await open_lookup(to);
    REQUIRE(lookup);
    auto opened = co_await connection->open(proto::transfer_protocol, ByteVector(), ByteVector());
    REQUIRE(opened);
    co_return *opened;
}

Task<> send(ChannelEnd channel, proto::Encoded message) {
    auto sent = co_await channel->send(message.type, std::move(message.payload));
    REQUIRE(sent);
}

}  // namespace kp2p::test
