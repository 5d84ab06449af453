// AesGcm: AES-256-GCM of OpenSSL under one key, whole messages.
//   frame := ciphertext, as long as the text, tag:16
// A nonce must never come twice under one key. Throws std::runtime_error when OpenSSL lacks it.
#pragma once

#include <array>
#include <memory>
#include <span>

#include "proto/bytes.hpp"
#include "proto/crypto/noise_state.hpp"
#include "proto/result.hpp"

struct evp_cipher_ctx_st;

namespace kp2p::proto {

class AesGcm {
  public:
    static constexpr std::size_t tag_bytes = 16;
    using Nonce = std::array<std::uint8_t, 12>;

    enum class Use { seal, open };
    AesGcm(const CipherKey& key, Use use);

    void set_key(const CipherKey& key);
    // Encrypts the concatenation of `parts` to `frame`: tag_bytes longer, and apart from them.
    void seal(const Nonce& nonce, ByteView additional, std::span<const ByteView> parts,
              std::span<std::uint8_t> frame);
    // Decrypts to `text`: tag_bytes shorter, and apart from the frame or the same memory.
    // Errc::truncated, Errc::bad_decryption: then what is in `text` is of no meaning.
    Result<void> open(const Nonce& nonce, ByteView additional, ByteView frame,
                      std::span<std::uint8_t> text);

  private:
    struct Free {
        void operator()(evp_cipher_ctx_st* context) const;
    };

    Use use_;
    std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

}  // namespace kp2p::proto
