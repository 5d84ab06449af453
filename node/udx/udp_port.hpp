// UdpPort: a socket that UDX streams, DHT RPC and hole punch probes share, and its read loop, which
// hands each datagram to whom its content names:
//   >= 20 bytes that start ff 01 and name a live stream id -> the UdxContext
//   0 or 1 byte                                            -> the probe handler
//   anything else                                          -> the rpc handler
// Source: what npm udx-native 1.21.3 and dht-rpc 6.27.0 put on one socket.
#pragma once

#include <functional>
#include <memory>

#include "node/net/datagrams.hpp"

namespace kp2p {

class UdxContext;

class UdpPort {
  public:
    using Handler = std::function<void(UdpPort&, const Datagram&)>;

    // The context outlives the port. Streams that are connected through the port when it is
    // destroyed end with Errc::closed.
    UdpPort(std::unique_ptr<Datagrams> socket, UdxContext& context);
    UdpPort(const UdpPort&) = delete;
    UdpPort& operator=(const UdpPort&) = delete;
    ~UdpPort();

    void on_rpc(Handler handler) { on_rpc_ = std::move(handler); }
    void on_probe(Handler handler) { on_probe_ = std::move(handler); }
    // Runs until cancelled or the socket fails. Handlers are called from here.
    Task<> read_loop();
    Datagrams& socket() { return *socket_; }

  private:
    void dispatch(const Datagram& datagram);

    std::unique_ptr<Datagrams> socket_;
    UdxContext& context_;
    Handler on_rpc_, on_probe_;
};

}  // namespace kp2p
