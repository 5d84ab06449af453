#include "proto/dht/wire/id.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "proto/compact.hpp"
#include "proto/crypto/hash.hpp"

namespace kp2p::proto::dht {

DhtId id_of(const Endpoint& address) {
    return DhtId(blake2b_256(Writer().addr4(address).bytes()).view());
}

DhtId target_of(const NodeId& key) { return DhtId(blake2b_256(key.view()).view()); }

DhtId target_of_value(ByteView value) { return DhtId(blake2b_256(value).view()); }

std::strong_ordering compare_distance(const DhtId& target, const DhtId& a, const DhtId& b) {
    for (std::size_t i = 0; i < DhtId::size_bytes; ++i) {
        const int to_a = target.view()[i] ^ a.view()[i], to_b = target.view()[i] ^ b.view()[i];
        if (to_a != to_b) return to_a <=> to_b;
    }
    return std::strong_ordering::equal;
}

std::size_t shared_prefix_bits(const DhtId& a, const DhtId& b) {
    for (std::size_t i = 0; i < DhtId::size_bytes; ++i) {
        const auto difference = static_cast<std::uint8_t>(a.view()[i] ^ b.view()[i]);
        if (difference) return 8 * i + static_cast<std::size_t>(std::countl_zero(difference));
    }
    return 8 * DhtId::size_bytes - 1;
}

}  // namespace kp2p::proto::dht
