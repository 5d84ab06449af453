// WideGcm: AES-256-GCM by the instructions that take four blocks at a time (VAES, VPCLMULQDQ and
// AVX-512), twice as fast as OpenSSL 3.0, which has them not. For AesGcm alone, which says what the
// arguments are.
#pragma once

#include <memory>
#include <span>

#include "proto/bytes.hpp"
#include "proto/crypto/noise_state.hpp"

namespace kp2p::proto {

class WideGcm {
  public:
    virtual ~WideGcm() = default;
    virtual void set_key(const CipherKey& key) = 0;
    // `tag`: of 16 bytes, is written.
    virtual void seal(std::span<const std::uint8_t, 12> nonce, ByteView additional,
                      std::span<const ByteView> parts, std::uint8_t* text, std::uint8_t* tag) = 0;
    // Writes the tag that the text should have.
    virtual void open(std::span<const std::uint8_t, 12> nonce, ByteView additional, ByteView sealed,
                      std::uint8_t* text, std::uint8_t* tag) = 0;
};

// Null if this CPU cannot.
std::unique_ptr<WideGcm> make_wide_gcm();

}  // namespace kp2p::proto
