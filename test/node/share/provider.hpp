// A member of the channel lab() that has one file, and gives it or lies about it as a LiarPeer
// does.
#pragma once

#include "test/node/share/fake_network.hpp"
#include "test/share/liar_peer.hpp"

namespace kp2p::test {

struct Provider {
    Provider(FakeNetwork& network, ByteVector content, LiarLie lie = LiarLie::none,
             std::uint64_t at = 0)
        : id(numbered(network.next_number())),
          key(lab_key()),
          peer(key, id, std::move(content), lie, at) {
        network.add_stranger(proto::channel_topic(key), [this](std::shared_ptr<Connection> c) {
            return peer.serve(std::move(c));
        });
    }
    Provider(const Provider&) = delete;

    NodeId id;
    ChannelKey key;
    LiarPeer peer;
};

}  // namespace kp2p::test
