#include "node/reach/handshake.hpp"

#include "node/net/interfaces.hpp"
#include "proto/outcome.hpp"
#include "proto/udx/packet.hpp"
#include "proto/udx/stream_types.hpp"

namespace kp2p {
namespace {

constexpr std::size_t max_local_addresses = 16;

}  // namespace

std::vector<Endpoint> local_addresses(const Endpoint& bound) {
    if (!bound.host.is_unspecified()) return {bound};
    std::vector<Endpoint> found;
    for (const Host& host : interface_hosts())
        if (host.is_v4() && found.size() < max_local_addresses) found.push_back({host, bound.port});
    if (found.empty()) found.push_back(Endpoint::loopback(bound.port));
    return found;
}

std::vector<Endpoint> ipv6_addresses(const Endpoint& bound) {
    std::vector<Endpoint> found;
    if (bound.host.is_v4()) return found;
    std::vector<Host> hosts{bound.host};
    if (bound.host.is_unspecified()) hosts = interface_hosts();
    for (const HostKind kind : {HostKind::global, HostKind::site})
        for (const Host& host : hosts)
            if (!host.is_v4() && host.kind() == kind && found.size() < max_ipv6_addresses)
                found.push_back({host, bound.port});
    return found;
}

bool draws_ports(Dht& dht) {
    const auto seen = dht.sampled_address();
    return seen && seen->port == 0;
}

NoisePayload own_payload(Dht& dht, std::uint32_t udx_id) {
    NoisePayload payload;
    const auto open_at = dht.remote_address();
    payload.firewall = open_at ? proto::dht::Firewall::open : proto::dht::Firewall::unknown;
    if (open_at) payload.addresses4.push_back(*open_at);
    const Endpoint bound = dht.port(proto::dht::SocketId::server)->socket().local();
    for (const Endpoint& address : local_addresses(bound))
        if (address.host.is_v4()) payload.addresses4.push_back(address);
    payload.addresses6 = ipv6_addresses(bound);
    NoisePayload::Udx udx;
    udx.large_datagrams = true;
    udx.reusable_socket = true;
    udx.id = udx_id;
    payload.udx = udx;
    payload.secret_stream_version = 1;
    return payload;
}

Result<UdxPeer> udx_peer_of(const NoisePayload& payload) {
    const bool usable = payload.version == 1 && payload.error == proto::dht::PeerError::none &&
                        payload.udx && payload.udx->id <= 0xffffffff;
    if (!usable) return Errc::cannot_connect;
    return UdxPeer{static_cast<std::uint32_t>(payload.udx->id), payload.udx->large_datagrams};
}

ByteVector first_packet(const UdxPeer& peer) {
    using namespace proto::udx;
    const auto window_bytes = static_cast<std::uint32_t>(StreamOptions().receive_window_bytes);
    ByteVector packet(header_bytes);
    write_header({.receiver_id = peer.id, .window_bytes = window_bytes},
                 std::span<std::uint8_t, header_bytes>(packet));
    return packet;
}

proto::Noise noise_initiator(Random& random, const proto::KeyPair& local, const NodeId& remote) {
    const auto& prologue = proto::dht_namespace_of(proto::dht_namespace::peer_handshake);
    return proto::Noise({.pattern = proto::NoisePattern::ik,
                         .role = proto::Role::initiator,
                         .local = local,
                         .ephemeral = proto::KeyPair::from_seed(random.bytes<proto::Seed>()),
                         .prologue = prologue.view(),
                         .remote = remote});
}

proto::Noise noise_responder(Random& random, const proto::KeyPair& local) {
    const auto& prologue = proto::dht_namespace_of(proto::dht_namespace::peer_handshake);
    return proto::Noise({.pattern = proto::NoisePattern::ik,
                         .role = proto::Role::responder,
                         .local = local,
                         .ephemeral = proto::KeyPair::from_seed(random.bytes<proto::Seed>()),
                         .prologue = prologue.view(),
                         .remote = std::nullopt});
}

}  // namespace kp2p
