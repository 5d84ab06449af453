// Through a relay: where one side has named a relay in the handshake, both go there and ask to be
// paired. The stream then goes through the relay at once, and leaves it when there is another path.
// Source: npm hyperdht 6.34.0 (lib/connect.js, lib/server.js).
#pragma once

#include "node/reach/handshake.hpp"
#include "node/transport/relays.hpp"

namespace kp2p {

using RelayThrough = NoisePayload::RelayThrough;

// Whether we name a relay ourselves: our NAT lets nobody in who is behind such a one as well.
bool needs_relay(Dht& dht);
// One that the node may use too, with a token of its own; none is known.
std::optional<RelayThrough> offer_relay(Relays& relays, Random& random, const NodeId& for_node);

struct RelayPlan {
    NodeId relay;
    proto::RelayPair asked;
};
// The server's choice counts, if both have one.
struct RelayOffers {
    std::optional<RelayThrough> of_server, of_client;
};
std::optional<RelayPlan> plan_of(const RelayOffers& offers, proto::Role ours,
                                 std::uint32_t stream_id);

Task<Result<RelayLeg>> take_leg(Clock& clock, Relays& relays, RelayPlan plan);
// Until the stream has gone another way for a while, or ended.
Task<> keep_leg(Clock& clock, UdxByteStream::Handle stream, std::shared_ptr<void> hold);
// The path is one that works: tries to move there, more than once.
Task<> leave_relay(Clock& clock, UdxByteStream::Handle stream, UdxPath path);

}  // namespace kp2p
