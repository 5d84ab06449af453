// Dialer: connects to a node by its public key. It asks the DHT for nodes that relay to it, makes
// one handshake through whichever answers first, and picks the path that the answer allows:
// straight to an open server, straight from it when we are open, or over the LAN that both are in.
// Source: npm hyperdht 6.34.0 (lib/connect.js).
#pragma once

#include <map>
#include <string>

#include "node/reach/handshake.hpp"

namespace kp2p {

// What a hole puncher gets to know, when no other path is left.
struct PunchPlan {
    NodeId remote;
    proto::dht::DhtId target;
    Endpoint relay;  // that the handshake went through
    HandshakeReply reply;
    NoisePayload payload;  // of the server
    Hash32 secret;         // encrypts what is said about the punching
};
// Returns the path, or Errc::cannot_connect. Empty: there is no hole punching.
using Puncher = std::function<Task<Result<UdxPath>>(PunchPlan)>;

struct DialerParts {
    Executor executor;
    Clock& clock;
    Dht& dht;
    UdxContext& udx;
    proto::KeyPair keys;
    Puncher puncher;
};

class Dialer {
  public:
    // Nodes whose relays are remembered from the last connection.
    static constexpr std::size_t max_remembered = 256;

    explicit Dialer(DialerParts parts) : parts_(std::move(parts)) {}

    // `relays` are DHT nodes that may relay to it, tried at once; may be empty. `why_not` is a
    // sentence for the user when it fails: Errc::cannot_connect.
    Task<Result<Link>> dial(NodeId remote, std::vector<Endpoint> relays, std::string& why_not);

  private:
    class Attempt;

    void remember(const NodeId& remote, std::vector<Endpoint> relays);

    DialerParts parts_;
    std::map<NodeId, std::vector<Endpoint>> remembered_;
};

}  // namespace kp2p
