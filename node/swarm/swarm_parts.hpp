// What a swarm is made of, and what it asks of others.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/dht/dht.hpp"
#include "node/discover/addresses.hpp"
#include "node/reach/dialer.hpp"
#include "node/reach/socket_pool.hpp"
#include "node/swarm/paths_session.hpp"
#include "node/transport/byte_streams.hpp"
#include "node/transport/connection.hpp"
#include "node/transport/use.hpp"
#include "proto/relay/relay_mode.hpp"

namespace kp2p {

struct SwarmParts {
    Runtime& runtime;
    Dht& dht;
    UdxContext& udx;
    proto::KeyPair keys;  // our identity
    // Runs for every connection, dialed by whichever side; the connection ends when it returns, and
    // it is cancelled when the connection ends. Over TCP and through a relay what it says at once
    // leaves with the first packet, else when the peer has proven itself; nothing of what the peer
    // says is heard before that, and before the connection is started.
    std::function<Task<>(std::shared_ptr<Connection>)> serve;
    // What the connection to this node is used for. When all are taken, the least useful makes
    // room; empty: none does.
    std::function<Use(const NodeId&)> use_of;
    // Returns when the DHT was entered, or has been tried: only what needs it waits; null: it was.
    std::function<Task<Result<void>>()> entered = nullptr;
    ByteStreams* tcp = nullptr;                    // where TCP is to be had
    std::vector<FixedPeer> fixed = {};             // dialed over it, again and again
    std::function<Candidates()> mapped = nullptr;  // where a router forwards to us; null: nowhere
    // Opens a UDP socket on a free port; without it no holes are punched.
    SocketPool::Open open_socket = nullptr;
    OpenTunnelled open_tunnelled = nullptr;                // where nothing else leads
    proto::RelayMode relay = proto::RelayMode::automatic;  // for others
    std::vector<std::string> relay_urls = {};              // of kp2p-relays, told to members
    std::function<void(std::vector<std::string>)> heard_relays = nullptr;
    std::optional<NodeLabel> label = {};  // that members are told
};

}  // namespace kp2p
