// TcpByteStream: a TCP connection as a ByteStream. Destroyed before it has finished it is reset, so
// that the other side does not take it for an orderly end.
#pragma once

#include <asio/ip/tcp.hpp>

#include "node/transport/byte_stream.hpp"

namespace kp2p {

class TcpByteStream final : public ByteStream {
  public:
    // The socket is connected.
    TcpByteStream(Clock& clock, asio::ip::tcp::socket socket);
    ~TcpByteStream() override { TcpByteStream::destroy(); }

    Path path() const override;
    Path::Kind path_kind() const override { return path_.kind; }
    std::optional<Clock::Span> unanswered() const override;
    bool stranded() const override;
    std::optional<Sendings> sendings() const override;
    Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into) override;
    Task<Result<void>> write(ByteView bytes) override;
    Task<Result<void>> finish() override;
    void destroy() override;

  private:
    Clock& clock_;
    mutable asio::ip::tcp::socket socket_;  // to ask for its descriptor is no change
    mutable Path path_;                     // with the round trip as it was when that was asked
    mutable Clock::Time rtt_asked_{};
    mutable std::optional<Clock::Time> waits_since_;  // for an acknowledgement, as far as was seen
    std::uint64_t written_bytes_ = 0;
    bool finished_ = false;
};

}  // namespace kp2p
