// RawPeer: a member of a channel whose every message is the test's own. What it receives it reads
// only when the test asks for it.
#pragma once

#include <doctest/doctest.h>

#include "node/transport/connection.hpp"
#include "proto/lookup/channel.hpp"
#include "proto/lookup/lookup.hpp"
#include "proto/transfer/transfer.hpp"
#include "test/node/share/fake_network.hpp"

namespace kp2p::test {

using ChannelEnd = std::shared_ptr<MuxChannel>;

class RawPeer {
  public:
    // To those who open a channel with it, before it opens it itself.
    enum class Answer { refused, nothing };
    // Joins the topic of the channel lab().
    explicit RawPeer(FakeNetwork& network, Answer answer = Answer::refused);
    RawPeer(const RawPeer&) = delete;

    const NodeId& id() const { return id_; }
    const std::shared_ptr<Connection>& connection(const NodeId& to) { return connections_[to]; }
    // With a right proof.
    Task<ChannelEnd> open_lookup(NodeId to);
    const ChannelEnd& lookup() const { return lookups_.back(); }  // the newest
    // Proves the channel and opens the transfer channel.
    Task<ChannelEnd> open_transfer(NodeId to);

  private:
    Task<> serve(std::shared_ptr<Connection> connection);

    FakeNetwork& network_;
    Answer answer_;
    ChannelKey key_;
    NodeId id_;
    std::map<NodeId, std::shared_ptr<Connection>> connections_;
    std::vector<ChannelEnd> lookups_;  // a channel that nobody holds closes
};

Task<> send(ChannelEnd channel, proto::Encoded message);
// The next message of the kind, the others before it left out; REQUIREs that it comes.
template <class Message>
Task<Message> next(ChannelEnd channel) {
    for (;;) {
        auto got = co_await channel->receive();
        REQUIRE(got);
        if constexpr (std::is_same_v<Message, proto::Seeking>) {
            auto decoded = proto::decode_lookup(got->type, got->payload);
            REQUIRE(decoded);
            if (const auto* wanted = std::get_if<Message>(&*decoded)) co_return *wanted;
        } else {
            auto decoded = proto::decode_transfer(got->type, got->payload);
            REQUIRE(decoded);
            if (const auto* wanted = std::get_if<Message>(&*decoded)) co_return *wanted;
        }
    }
}

}  // namespace kp2p::test
