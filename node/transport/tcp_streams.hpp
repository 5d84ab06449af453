// TcpStreams: ByteStreams over TCP. Bound to an IPv4 address it listens on IPv4, bound to an IPv6
// address on that, bound to :: on both; it connects to either where it can.
#pragma once

#include <asio/ip/tcp.hpp>

#include "node/transport/byte_streams.hpp"

namespace kp2p {

class TcpStreams final : public ByteStreams {
  public:
    // Port 0 takes a free one. A port that is taken is asio::error::address_in_use.
    static Result<std::unique_ptr<TcpStreams>> open(Executor executor, Clock& clock,
                                                    const Endpoint& local);

    Endpoint local() const override { return local_; }
    Task<Result<std::unique_ptr<ByteStream>>> accept() override;
    Task<Result<std::unique_ptr<ByteStream>>> connect(Endpoint to) override;

  private:
    TcpStreams(Clock& clock, asio::ip::tcp::acceptor acceptor, const Endpoint& local);

    Clock& clock_;
    asio::ip::tcp::acceptor acceptor_;
    Endpoint local_;
};

}  // namespace kp2p
