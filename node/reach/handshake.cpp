#include "node/reach/handshake.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <cstring>

#include "proto/outcome.hpp"

namespace kp2p {
namespace {

constexpr std::size_t max_local_addresses = 16;

}  // namespace

std::vector<Endpoint> local_addresses(const Endpoint& bound) {
    if (!bound.host.is_unspecified()) return {bound};
    std::vector<Endpoint> found;
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) return {Endpoint::loopback(bound.port)};
    for (const ifaddrs* at = all; at && found.size() < max_local_addresses; at = at->ifa_next) {
        if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET) continue;
        if (!(at->ifa_flags & IFF_UP) || at->ifa_flags & IFF_LOOPBACK) continue;
        sockaddr_in address;
        std::memcpy(&address, at->ifa_addr, sizeof address);
        std::array<std::uint8_t, 4> host;
        std::memcpy(host.data(), &address.sin_addr, host.size());
        found.push_back({host, bound.port});
    }
    freeifaddrs(all);
    if (found.empty()) found.push_back(Endpoint::loopback(bound.port));
    return found;
}

NoisePayload own_payload(Dht& dht, std::uint32_t udx_id) {
    NoisePayload payload;
    const auto open_at = dht.remote_address();
    payload.firewall = open_at ? proto::dht::Firewall::open : proto::dht::Firewall::unknown;
    if (open_at) payload.addresses4.push_back(*open_at);
    const Endpoint bound = dht.port(proto::dht::SocketId::server)->socket().local();
    for (const Endpoint& address : local_addresses(bound))
        if (address.host.is_v4()) payload.addresses4.push_back(address);
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
