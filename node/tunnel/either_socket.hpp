// EitherSocket: a UDP socket here and one at a relay, as one: what is sent leaves by that which is
// in use, and what arrives at either is received. So whoever uses it sees nothing but that its own
// address changes.
#pragma once

#include "node/tunnel/tunnels.hpp"

namespace kp2p {

class EitherSocket final : public Datagrams {
  public:
    // Before tunnels.run(), which outlives it.
    EitherSocket(std::unique_ptr<Datagrams> direct, Tunnels& tunnels)
        : direct_(std::move(direct)), tunnels_(tunnels), tunnel_(tunnels.open_standing()) {}

    Endpoint local() const override { return in_use().local(); }
    void send(const Endpoint& to, ByteView bytes) override { in_use().send(to, bytes); }
    void send_with_ttl(const Endpoint& to, ByteView bytes, int ttl) override {
        in_use().send_with_ttl(to, bytes, ttl);
    }
    void send_in_fragments(const Endpoint& to, ByteView bytes) override {
        in_use().send_in_fragments(to, bytes);
    }
    void send_segments(const Endpoint& to, std::span<const ByteView> pieces,
                       std::size_t segment_bytes) override {
        in_use().send_segments(to, pieces, segment_bytes);
    }
    std::error_code refusal() const override { return in_use().refusal(); }
    std::shared_ptr<Inquiry> inquire(const Endpoint& to) override { return in_use().inquire(to); }
    std::span<const Datagram> take() override;
    Task<Result<void>> arrived() override;
    void rest() override { direct_->rest(); }
    std::size_t route_mtu_bytes(const Endpoint& to) const override {
        return in_use().route_mtu_bytes(to);
    }

  private:
    Datagrams& in_use() const { return tunnels_.in_use() ? *tunnel_ : *direct_; }

    std::unique_ptr<Datagrams> direct_;
    Tunnels& tunnels_;
    std::unique_ptr<TunnelSocket> tunnel_;
};

}  // namespace kp2p
