// SecretCipher: one direction of libsodium's crypto_secretstream_xchacha20poly1305, byte for byte.
// Made of OpenSSL's ChaCha20 and Poly1305, which are more than twice as fast as libsodium's where
// the processor has wide vectors; encryption is most of what a transfer costs.
//   frame := tag:1 text mac:16, where the tag is encrypted too
// Source: libsodium 1.0.18, crypto_secretstream/xchacha20poly1305.
// Throws std::runtime_error when OpenSSL lacks one of the two. Wipes its keys.
#pragma once

#include <array>
#include <memory>
#include <span>

#include "proto/crypto/noise.hpp"

struct evp_cipher_ctx_st;
struct evp_mac_ctx_st;

namespace kp2p::proto {

using StreamHeader = Bytes<struct StreamHeaderTag, 24>;

class SecretCipher {
  public:
    static constexpr std::size_t overhead_bytes = 17;

    SecretCipher(const CipherKey& key, const StreamHeader& header);
    ~SecretCipher();
    SecretCipher(SecretCipher&&) noexcept;
    SecretCipher& operator=(SecretCipher&&) noexcept;

    // Encrypts the concatenation of `parts`, with tag MESSAGE, to `frame`: overhead_bytes longer
    // than the parts together, and apart from them.
    void seal(std::span<const ByteView> parts, std::span<std::uint8_t> frame);
    // Decrypts in place: the text within the frame. Errc::truncated, Errc::bad_decryption; after
    // an error nothing more can be opened.
    Result<std::span<std::uint8_t>> open(std::span<std::uint8_t> frame);

  private:
    using Mac = std::array<std::uint8_t, 16>;
    struct FreeCipher {
        void operator()(evp_cipher_ctx_st* context) const;
    };
    struct FreeMac {
        void operator()(evp_mac_ctx_st* context) const;
    };
    struct Secrets;

    enum class Tag { plain, encrypted };

    std::uint8_t start_frame(std::uint8_t tag, Tag is);
    void absorb(ByteView bytes);
    Mac finish_frame(std::size_t text_bytes);
    void rekey();
    void next_nonce(const Mac& mac, std::uint8_t tag);

    std::unique_ptr<Secrets> secrets_;
    std::unique_ptr<evp_cipher_ctx_st, FreeCipher> cipher_;
    std::unique_ptr<evp_mac_ctx_st, FreeMac> mac_;
};

}  // namespace kp2p::proto
