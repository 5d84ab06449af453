// What the two sides of a connection tell each other in the two messages of their Noise handshake,
// and what comes of it. Source: npm hyperdht 6.34.0 (lib/connect.js, lib/server.js,
// lib/noise-wrap).
#pragma once

#include "node/async/random.hpp"
#include "node/dht/dht.hpp"
#include "node/transport/udx_byte_stream.hpp"
#include "proto/crypto/noise.hpp"

namespace kp2p {

// A stream to a peer, and the keys for a secret stream over it. Whether the path leads anywhere
// shows when the peer's header arrives.
struct Link {
    std::unique_ptr<ByteStream> stream;
    proto::NoiseKeys keys;
};

using proto::dht::NoisePayload;

// Where others on our LAN may reach the server port: the address it is bound to, or one for each
// interface, loopback only if there is no other.
std::vector<Endpoint> local_addresses(const Endpoint& bound);
// The same over IPv6, without those that lead nowhere from elsewhere; none where it is not bound to
// IPv6. At most max_ipv6_addresses, those of the Internet first.
inline constexpr std::size_t max_ipv6_addresses = 2;
std::vector<Endpoint> ipv6_addresses(const Endpoint& bound);

// Whether our NAT has another port for each destination, as far as others say.
bool draws_ports(Dht& dht);

// What either side says of itself.
NoisePayload own_payload(Dht& dht, std::uint32_t udx_id);
// Errc::cannot_connect for a peer whose version is foreign, or that refuses.
Result<UdxPeer> udx_peer_of(const NoisePayload& payload);
// A packet without content, by which the peer's stream, not connected yet, learns where we are.
ByteVector first_packet(const UdxPeer& peer);

proto::Noise noise_initiator(Random& random, const proto::KeyPair& local, const NodeId& remote);
proto::Noise noise_responder(Random& random, const proto::KeyPair& local);

}  // namespace kp2p
