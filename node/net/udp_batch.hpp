// UdpBatch: the system calls on one bound UDP socket, many datagrams at a time. Two twins: with
// recvmmsg, sendmmsg, UDP_GRO and UDP_SEGMENT where the system is Linux, one datagram a call
// elsewhere.
#pragma once

#include <asio/ip/udp.hpp>
#include <memory>
#include <system_error>

#include "node/net/datagrams.hpp"

namespace kp2p {

// IPv4 is IPv4-mapped where `protocol` is IPv6's.
asio::ip::udp::endpoint to_asio(const Endpoint& endpoint, const asio::ip::udp& protocol);
Endpoint from_asio(const asio::ip::udp::endpoint& endpoint);

class UdpBatch {
  public:
    // Whether it works by the handle alone, also while the loop does not have the socket.
    static const bool by_handle;

    // The socket is open, bound and non-blocking, and outlives this.
    explicit UdpBatch(asio::ip::udp::socket& socket);
    ~UdpBatch();

    // What has arrived, without waiting: empty and asio::error::would_block if nothing has. The
    // datagrams live until the next call.
    std::span<const Datagram> receive(std::error_code& error);
    void send(const Endpoint& to, std::span<const ByteView> pieces, std::size_t segment_bytes);
    void send_with_ttl(const Endpoint& to, ByteView bytes, int ttl);
    void send_in_fragments(const Endpoint& to, ByteView bytes);
    // Why the system did not let out what was sent last; none: it did.
    std::error_code refusal() const;
    std::size_t route_mtu_bytes(const Endpoint& to) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kp2p
