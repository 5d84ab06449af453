// GCM stream: encrypted messages over a TCP connection between two kp2p nodes, after a Noise
// handshake (proto/PROTOCOL.md, "Over TCP").
//   record := length:u24 body:length      little-endian; length counts the body
//   body   := text encrypted with AES-256-GCM, tag:16; the length field is its additional data
// Records of a direction are numbered from 0; record n has the nonce 0:4 n:u64. The first
// epoch_records are under the direction's key of the handshake, each further epoch under
// BLAKE2b-256("kp2p tcp next key", key = the one before). The first record of each side is empty:
// it shows that the side has the keys.
#pragma once

#include "proto/crypto/aes_gcm.hpp"
#include "proto/crypto/noise.hpp"
#include "proto/record/frame_buffer.hpp"
#include "proto/record/records.hpp"

namespace kp2p::proto {

constexpr std::size_t max_gcm_frame_bytes = 0xffffff;  // what the length field can say
constexpr std::size_t max_gcm_message_bytes = max_gcm_frame_bytes - AesGcm::tag_bytes;
// Of at most 2^20 blocks of AES each: an epoch ends far below what GCM allows under one key.
constexpr std::uint64_t epoch_records = 1 << 14;
// Without writes for this long both sides write an empty message; readers swallow those.
constexpr std::chrono::seconds gcm_keepalive{5}, gcm_max_silence{20};

// The keys and nonces of one direction, in the order of its records.
class GcmKeys {
  public:
    explicit GcmKeys(const CipherKey& key) : key_(key) {}
    ~GcmKeys();

    const CipherKey& key() const { return key_; }
    AesGcm::Nonce nonce() const;
    // Goes to the next record. True when it has another key.
    bool advance();

  private:
    CipherKey key_;
    std::uint64_t record_ = 0;
};

class GcmSealer final : public Sealer {
  public:
    explicit GcmSealer(const NoiseKeys& keys) : keys_(keys.tx), cipher_(aes_gcm(keys.tx)) {}
    void begin(BulkBytes& out) override { seal({}, out); }
    // At most max_gcm_message_bytes.
    void seal(std::span<const ByteView> parts, BulkBytes& out) override;

  private:
    GcmKeys keys_;
    std::unique_ptr<AesGcm> cipher_;
};

class GcmOpener final : public Opener {
  public:
    explicit GcmOpener(const NoiseKeys& keys) : keys_(keys.rx), cipher_(aes_gcm(keys.rx)) {}
    void set_max_frame_bytes(std::size_t limit) override { max_frame_bytes_ = limit; }
    std::size_t max_frame_bytes() const override { return max_frame_bytes_; }
    std::span<std::uint8_t> room() override { return buffer_.room(); }
    void received(std::size_t n_bytes) override { buffer_.received(n_bytes); }
    Result<std::optional<ByteView>> next() override;
    std::shared_ptr<const void> keep() override { return std::move(long_); }
    Result<bool> opened() override;

  private:
    Result<std::optional<ByteView>> next_record();

    GcmKeys keys_;
    std::unique_ptr<AesGcm> cipher_;
    std::size_t max_frame_bytes_ = max_gcm_frame_bytes;
    bool opened_ = false, failed_ = false;
    std::shared_ptr<BulkBytes> long_;  // the last message, if it was such a one
    FrameBuffer buffer_;
};

// Both directions of one side.
Records gcm_stream(const NoiseKeys& keys);

}  // namespace kp2p::proto
