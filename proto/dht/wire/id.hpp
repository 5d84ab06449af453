// The id space of the DHT: 256-bit points compared by XOR. A node's id is the hash of its public
// address, a server's target the hash of its public key, a topic is a point as it is.
// Source: npm dht-rpc 6.27.0 (lib/peer.js), hyperdht 6.34.0.
#pragma once

#include <compare>

#include "proto/bytes.hpp"
#include "proto/endpoint.hpp"

namespace kp2p::proto::dht {

using DhtId = Bytes<struct DhtIdTag, 32>;  // a DHT node or the target of a request
using Token = Bytes<struct TokenTag, 32>;  // proves to its issuer that we receive at our host

// BLAKE2b-256 of the six bytes of the address.
DhtId id_of(const Endpoint& address);
// Where a server with this public key is found: BLAKE2b-256 of the key.
DhtId target_of(const NodeId& key);
// Where an immutable record is stored: BLAKE2b-256 of its value.
DhtId target_of_value(ByteView value);
inline DhtId target_of(const Topic& topic) { return DhtId(topic.view()); }

// Whether `a` is closer to `target` than `b` (less), by XOR distance.
std::strong_ordering compare_distance(const DhtId& target, const DhtId& a, const DhtId& b);
// Number of leading bits that the two share, at most 255.
std::size_t shared_prefix_bits(const DhtId& a, const DhtId& b);

}  // namespace kp2p::proto::dht
