// Secret stream: encrypted messages over a reliable byte stream, after a Noise handshake.
//   frame  := size:u24 body:size            each direction: one header frame, then messages
//   header := stream id:32  secretstream header:24
//   message := libsodium secretstream xchacha20poly1305, tag MESSAGE: 17 bytes more than the text
// Source: npm @hyperswarm/secret-stream 6.9.2.
#pragma once

#include "proto/record/frame_buffer.hpp"
#include "proto/record/records.hpp"
#include "proto/record/secret_cipher.hpp"

namespace kp2p::proto {

constexpr std::size_t max_secret_frame_bytes = 0xffffff;  // what the length field can say
constexpr std::size_t secret_overhead_bytes = 3 + SecretCipher::overhead_bytes;  // of a message
constexpr std::size_t max_secret_message_bytes =
    max_secret_frame_bytes - SecretCipher::overhead_bytes;
// Without writes for this long both sides write an empty message; readers swallow those.
constexpr std::chrono::seconds secret_keepalive{5};

// Tells the two ends that they share a transcript, and catches reflected streams.
Hash32 secret_stream_id(const HandshakeHash& hash, Role sender);

class SecretSealer final : public Sealer {
  public:
    // `header` is fresh random bytes.
    SecretSealer(const NoiseKeys& keys, const StreamHeader& header);
    void begin(BulkBytes& out) override;  // the header frame
    // At most max_secret_message_bytes.
    void seal(std::span<const ByteView> parts, BulkBytes& out) override;

  private:
    Hash32 stream_id_;
    StreamHeader header_;
    SecretCipher cipher_;
};

class SecretOpener final : public Opener {
  public:
    explicit SecretOpener(const NoiseKeys& keys);
    void set_max_frame_bytes(std::size_t limit) override { max_frame_bytes_ = limit; }
    std::size_t max_frame_bytes() const override { return max_frame_bytes_; }
    std::span<std::uint8_t> room() override { return buffer_.room(); }
    void received(std::size_t n_bytes) override { buffer_.received(n_bytes); }
    Result<std::optional<ByteView>> next() override;
    Result<bool> opened() override;

  private:
    Result<std::optional<std::span<std::uint8_t>>> next_frame();
    Result<void> open(ByteView header);

    CipherKey key_;
    Hash32 remote_stream_id_;
    std::size_t max_frame_bytes_ = max_secret_frame_bytes;
    std::optional<SecretCipher> cipher_;  // once the header has come
    FrameBuffer buffer_;
};

// Both directions of one side.
Records secret_stream(const NoiseKeys& keys, const StreamHeader& header);

}  // namespace kp2p::proto
