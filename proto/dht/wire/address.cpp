#include "proto/dht/wire/address.hpp"

#include <algorithm>

#include "proto/dht/wire/fields.hpp"

namespace kp2p::proto::dht {
namespace {

struct Block {
    std::array<std::uint8_t, 4> host;
    unsigned prefix_bits;
};

constexpr Block private_blocks[] = {{{10, 0, 0, 0}, 8},    {{100, 64, 0, 0}, 10},
                                    {{127, 0, 0, 0}, 8},   {{169, 254, 0, 0}, 16},
                                    {{172, 16, 0, 0}, 12}, {{192, 168, 0, 0}, 16}};
constexpr Block reserved_blocks[] = {
    {{0, 0, 0, 0}, 8},       {{192, 0, 0, 0}, 24},   {{192, 0, 2, 0}, 24}, {{198, 18, 0, 0}, 15},
    {{198, 51, 100, 0}, 24}, {{203, 0, 113, 0}, 24}, {{224, 0, 0, 0}, 4},  {{240, 0, 0, 0}, 4}};

std::uint32_t word(const std::array<std::uint8_t, 4>& host) {
    return std::uint32_t{host[0]} << 24 | std::uint32_t{host[1]} << 16 |
           std::uint32_t{host[2]} << 8 | host[3];
}

bool in_any(const Endpoint& address, std::span<const Block> blocks) {
    return std::any_of(blocks.begin(), blocks.end(), [&](const Block& block) {
        return (word(address.host) ^ word(block.host)) >> (32 - block.prefix_bits) == 0;
    });
}

// How many leading bytes are equal, up to 3: two hosts of one /24 are as close as it gets.
std::size_t shared_bytes(const Endpoint& a, const Endpoint& b) {
    std::size_t shared = 0;
    while (shared < 3 && a.host[shared] == b.host[shared]) ++shared;
    return shared;
}

}  // namespace

bool is_private(const Endpoint& address) { return in_any(address, private_blocks); }
bool is_reserved(const Endpoint& address) { return in_any(address, reserved_blocks); }

std::optional<Endpoint> match_address(const LanMatch& lists) {
    std::optional<Endpoint> best;
    std::size_t best_shared = 0;
    for (const Endpoint& ours : lists.ours)
        for (const Endpoint& theirs : lists.theirs) {
            const std::size_t shared = shared_bytes(ours, theirs);
            if (shared <= best_shared) continue;
            best_shared = shared;
            best = theirs;
        }
    return best;
}

ByteVector HyperdhtAddress::encode() const {
    Writer writer;
    writer.fixed(key).uint(relays ? 1 : 0);
    if (relays) write_addresses(writer, *relays);
    return writer.take();
}

Result<HyperdhtAddress> HyperdhtAddress::decode(ByteView bytes) {
    Reader reader(bytes);
    HyperdhtAddress address;
    address.key = reader.fixed<NodeId>();
    if (reader.left() && reader.uint() & 1) address.relays = read_addresses(reader);
    return finished(reader, std::move(address));
}

}  // namespace kp2p::proto::dht
