// Secret stream: encrypted messages over a reliable byte stream, after a Noise handshake.
//   frame  := size:u24 body:size            each direction: one header frame, then messages
//   header := stream id:32  secretstream header:24
//   message := libsodium secretstream xchacha20poly1305, tag MESSAGE: 17 bytes more than the text
// Source: npm @hyperswarm/secret-stream 6.9.2.
//
// SecretWriter and SecretReader are the two directions and independent of each other. Neither
// copies: the writer encrypts into the caller's buffer, the reader decrypts in place in the buffer
// that the caller received into.
#pragma once

#include <chrono>
#include <optional>

#include "proto/crypto/secret_cipher.hpp"

namespace kp2p::proto {

constexpr std::size_t max_secret_frame_bytes = 0xffffff;  // what the length field can say
constexpr std::size_t secret_overhead_bytes = 3 + SecretCipher::overhead_bytes;  // of a message
constexpr std::size_t max_secret_message_bytes =
    max_secret_frame_bytes - SecretCipher::overhead_bytes;
// Without writes for this long both sides write an empty message; readers swallow those.
constexpr std::chrono::seconds secret_keepalive{5};

// Tells the two ends that they share a transcript, and catches reflected streams.
Hash32 secret_stream_id(const HandshakeHash& hash, Role sender);
// The key under which HyperDHT encrypts its hole punching.
Hash32 holepunch_secret(const HandshakeHash& hash);

class SecretWriter {
  public:
    // `header` is fresh random bytes. Appends the header frame to `out`.
    SecretWriter(const NoiseKeys& keys, const StreamHeader& header, BulkBytes& out);
    // Appends one frame holding the concatenation of `parts`, in all at most
    // max_secret_message_bytes (asserted). No parts: a keepalive.
    void write(std::span<const ByteView> parts, BulkBytes& out);

  private:
    SecretCipher cipher_;
};

// Shape: receive into room(), say received(n), then next() until it is empty; and again.
// After an error the stream is dead. Memory grows only with bytes that have arrived.
class SecretReader {
  public:
    // Frames longer than the limit are Errc::too_long.
    SecretReader(const NoiseKeys& keys, std::size_t max_frame_bytes);
    void set_max_frame_bytes(std::size_t limit) { max_frame_bytes_ = limit; }
    std::size_t max_frame_bytes() const { return max_frame_bytes_; }
    std::span<std::uint8_t> room();      // never empty; valid until the next call of anything
    void received(std::size_t n_bytes);  // of room()
    // The next message, empty ones left out; valid until room() is called.
    Result<std::optional<ByteView>> next();
    // Whether the other's header has come: it has the keys. Takes the header and no message.
    Result<bool> opened();

  private:
    Result<std::optional<std::span<std::uint8_t>>> next_frame();
    Result<void> open(ByteView header);

    CipherKey key_;
    Hash32 remote_stream_id_;
    std::size_t max_frame_bytes_;
    std::optional<SecretCipher> cipher_;  // once the header has come
    BulkBytes buffer_;
    std::size_t begin_ = 0, end_ = 0;  // of what has arrived and is not yet taken
};

}  // namespace kp2p::proto
