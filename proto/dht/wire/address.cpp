#include "proto/dht/wire/address.hpp"

#include "proto/dht/wire/fields.hpp"

namespace kp2p::proto::dht {
namespace {

// How many leading bytes are equal, up to 3: two hosts of one /24 are as close as it gets.
std::size_t shared_bytes(const Endpoint& a, const Endpoint& b) {
    if (!a.host.is_v4() || !b.host.is_v4()) return 0;
    const auto one = a.host.v4(), other = b.host.v4();
    std::size_t shared = 0;
    while (shared < 3 && one[shared] == other[shared]) ++shared;
    return shared;
}

}  // namespace

bool is_private(const Endpoint& address) {
    const HostKind kind = address.host.kind();
    return kind == HostKind::loopback || kind == HostKind::link_local || kind == HostKind::site ||
           kind == HostKind::shared;
}

bool is_reserved(const Endpoint& address) {
    const HostKind kind = address.host.kind();
    return kind == HostKind::unspecified || kind == HostKind::multicast ||
           kind == HostKind::reserved;
}

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
