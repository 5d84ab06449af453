#include "node/transport/udx_byte_stream.hpp"

#include <utility>

#include "proto/dht/wire/address.hpp"

namespace kp2p {

void UdxByteStream::on_path(std::function<void(const UdxPath&)> found) {
    stream_.on_path(std::move(found));
}

void UdxByteStream::connect(const UdxPath& path, const UdxPeer& peer) {
    stream_.on_path(nullptr);
    stream_.connect(path, peer.id);
}

Path::Kind UdxByteStream::path_kind() const {
    if (relayed()) return Path::Kind::relayed;
    const Datagrams* socket = stream_.path().socket;
    if (socket && socket->is_detour()) return Path::Kind::tunnelled;
    return proto::dht::is_private(stream_.path().remote) ? Path::Kind::lan : Path::Kind::direct;
}

Path UdxByteStream::path() const {
    const UdxPath& way = stream_.path();
    Path path;
    path.remote = way.remote;
    path.kind = path_kind();
    if (way.socket) path.local = way.socket->local();
    const auto& round_trip = stream_.machine().round_trip();
    if (round_trip.known()) path.rtt = round_trip.smoothed();
    path.since = stream_.path_since();
    return path;
}

}  // namespace kp2p
