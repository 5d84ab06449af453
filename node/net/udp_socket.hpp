// UdpSocket: Datagrams over a real UDP socket. Bound to an IPv4 address it reaches IPv4, bound to
// an IPv6 address that, bound to :: both. Don't fragment is set where the system can, so a datagram
// that is too large for the path is lost, which is how the path MTU is found.
#pragma once

#include <asio/ip/udp.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "node/net/datagrams.hpp"
#include "node/net/udp_batch.hpp"

namespace kp2p {

class UdpSocket final : public Datagrams {
  public:
    // Port 0 takes a free one. A port that is taken is asio::error::address_in_use.
    static Result<std::unique_ptr<UdpSocket>> open(Executor executor, const Endpoint& local);
    // What opens one on a free port of this host, each time it is called.
    static std::function<Result<std::unique_ptr<Datagrams>>()> opener(Executor executor,
                                                                      const Endpoint& local);

    ~UdpSocket() override;
    Endpoint local() const override { return local_; }
    void send(const Endpoint& to, ByteView bytes) override;
    void send_with_ttl(const Endpoint& to, ByteView bytes, int ttl) override;
    void send_in_fragments(const Endpoint& to, ByteView bytes) override;
    void send_segments(const Endpoint& to, std::span<const ByteView> pieces,
                       std::size_t segment_bytes) override;
    std::error_code refusal() const override { return batch_.refusal(); }
    std::shared_ptr<Inquiry> inquire(const Endpoint& to) override;
    std::span<const Datagram> take() override;
    Task<Result<void>> arrived() override;
    void rest() override;
    std::size_t route_mtu_bytes(const Endpoint& to) const override;

  private:
    UdpSocket(asio::ip::udp::socket socket, const Endpoint& local);
    std::error_code wake();
    void ask_before(const Endpoint& to);

    asio::ip::udp::socket socket_;  // not open while it rests
    std::optional<asio::ip::udp::socket::native_handle_type> resting_;
    Endpoint local_;
    UdpBatch batch_;
    std::vector<std::pair<Endpoint, std::weak_ptr<Inquiry>>> inquiries_;  // few, mostly none
};

}  // namespace kp2p
