#include "node/transport/udx_byte_stream.hpp"

namespace kp2p {

void UdxByteStream::on_path(std::function<void(const UdxPath&)> found) {
    stream_.on_path([found = std::move(found)](Datagrams& socket, const Endpoint& from) {
        found(UdxPath{&socket, from});
    });
}

void UdxByteStream::connect(const UdxPath& path, const UdxPeer& peer) {
    stream_.on_path(nullptr);
    remote_ = path.remote;
    stream_.connect(*path.socket, peer.id, path.remote);
}

}  // namespace kp2p
