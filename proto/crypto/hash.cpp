#include "proto/crypto/hash.hpp"

#include <sodium.h>

#include <cassert>

namespace kp2p::proto {
namespace {

// Picks the fastest implementations for this machine; until it has run the portable ones work.
[[maybe_unused]] const int sodium_ready = sodium_init();

template <class Hash>
Hash blake2b(ByteView key, std::span<const ByteView> parts) {
    crypto_generichash_state state;
    [[maybe_unused]] const int started =
        crypto_generichash_init(&state, key.data(), key.size(), Hash::size_bytes);
    assert(started == 0);
    for (ByteView part : parts) crypto_generichash_update(&state, part.data(), part.size());
    Hash hash;
    crypto_generichash_final(&state, hash.data(), Hash::size_bytes);
    return hash;
}

}  // namespace

Hash32 blake2b_256_of(ByteView key, std::span<const ByteView> parts) {
    return blake2b<Hash32>(key, parts);
}

Hash64 blake2b_512_of(std::span<const ByteView> parts) { return blake2b<Hash64>({}, parts); }

Hash32 hash_namespace(std::string_view name, std::uint8_t id) {
    return blake2b_256(blake2b_256(as_bytes(name)).view(), ByteView(&id, 1));
}

const Hash32& dht_namespace_of(std::uint8_t command) {
    static const auto all = [] {
        std::array<Hash32, dht_namespace::plugin + 1> made;
        for (std::size_t i = 0; i < made.size(); i++)
            made[i] = hash_namespace("hyperswarm/dht", static_cast<std::uint8_t>(i));
        return made;
    }();
    assert(command < all.size());
    return all[command];
}

}  // namespace kp2p::proto
