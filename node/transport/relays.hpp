// Relays: the door to nodes that forward UDX streams for others. Used by one thread.
#pragma once

#include "node/udx/udx_stream.hpp"
#include "proto/relay/blind_relay.hpp"

namespace kp2p {

// The way to the peer through a relay, until nobody has `hold` any more.
struct RelayLeg {
    UdxPath path;
    std::shared_ptr<void> hold;
};

class Relays {
  public:
    virtual ~Relays() = default;
    // One that this node may use as well as we; none is known.
    virtual std::optional<NodeId> choose(const NodeId& for_node) = 0;
    // Waits until both sides are there; the caller limits the time.
    virtual Task<Result<RelayLeg>> pair(NodeId relay, proto::RelayPair asked) = 0;
    // In the place of who dialed, when that goes on without it.
    virtual void spawn(Task<> task) = 0;
};

}  // namespace kp2p
