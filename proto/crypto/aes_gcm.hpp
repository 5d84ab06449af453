// AesGcm: AES-256-GCM under one key, whole messages.
//   frame := ciphertext, as long as the text, tag:16
// A nonce must never come twice under one key.
#pragma once

#include <array>
#include <memory>
#include <span>

#include "proto/bytes.hpp"
#include "proto/crypto/noise_state.hpp"
#include "proto/result.hpp"

namespace kp2p::proto {

class AesGcm {
  public:
    static constexpr std::size_t tag_bytes = 16;
    using Nonce = std::array<std::uint8_t, 12>;

    virtual ~AesGcm() = default;
    virtual void set_key(const CipherKey& key) = 0;
    // Encrypts the concatenation of `parts` to `frame`: tag_bytes longer, and apart from them.
    virtual void seal(const Nonce& nonce, ByteView additional, std::span<const ByteView> parts,
                      std::span<std::uint8_t> frame) = 0;
    // Decrypts to `text`: tag_bytes shorter, and apart from the frame or the same memory.
    // Errc::truncated, Errc::bad_decryption: then what is in `text` is of no meaning.
    virtual Result<void> open(const Nonce& nonce, ByteView additional, ByteView frame,
                              std::span<std::uint8_t> text) = 0;
};

// The faster one of those below. They throw std::runtime_error when OpenSSL lacks it.
std::unique_ptr<AesGcm> aes_gcm(const CipherKey& key);
std::unique_ptr<AesGcm> aes_gcm_openssl(const CipherKey& key);
// Intel's library for IPsec, with the wide instructions (VAES, VPCLMULQDQ) that OpenSSL uses
// from 3.1 on. Null without those in the processor, or without the library in the build.
std::unique_ptr<AesGcm> aes_gcm_ipsec_mb(const CipherKey& key);

}  // namespace kp2p::proto
