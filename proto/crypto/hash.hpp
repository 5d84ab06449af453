// BLAKE2b of several pieces one after another, as every Hyperswarm protocol uses it.
//   blake2b_256(a, b) is the hash of a followed by b; keyed_blake2b_256(key, a, b) likewise.
// A key has 1 to 64 bytes. Views only: `blake2b_256(id.view(), as_bytes("x"))`.
#pragma once

#include <array>
#include <span>

#include "proto/bytes.hpp"

namespace kp2p::proto {

using Hash64 = Bytes<struct Hash64Tag, 64>;  // BLAKE2b-512 of something

Hash32 blake2b_256_of(ByteView key, std::span<const ByteView> parts);  // an empty key: unkeyed
Hash64 blake2b_512_of(std::span<const ByteView> parts);

template <class... Parts>
Hash32 blake2b_256(const Parts&... parts) {
    const std::array<ByteView, sizeof...(Parts)> views{ByteView(parts)...};
    return blake2b_256_of({}, views);
}
template <class... Parts>
Hash32 keyed_blake2b_256(ByteView key, const Parts&... parts) {
    const std::array<ByteView, sizeof...(Parts)> views{ByteView(parts)...};
    return blake2b_256_of(key, views);
}
template <class... Parts>
Hash64 blake2b_512(const Parts&... parts) {
    const std::array<ByteView, sizeof...(Parts)> views{ByteView(parts)...};
    return blake2b_512_of(views);
}

// namespace(name, id) = BLAKE2b-256(BLAKE2b-256(name) || id as one byte): keeps signatures and
// hashes of different purposes apart. Source: npm hypercore-crypto.
Hash32 hash_namespace(std::string_view name, std::uint8_t id);

// hash_namespace("hyperswarm/dht", command); the command numbers are those of HyperDHT's requests.
namespace dht_namespace {
inline constexpr std::uint8_t peer_handshake = 0, peer_holepunch = 1, announce = 4, unannounce = 5,
                              mutable_put = 6, plugin = 10;
}
const Hash32& dht_namespace_of(std::uint8_t command);  // command <= 10

}  // namespace kp2p::proto
