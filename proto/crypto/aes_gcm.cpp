#include "proto/crypto/aes_gcm.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>

#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

void check_gcm(int succeeded) {
    if (succeeded != 1) throw std::runtime_error("OpenSSL cannot do AES-256-GCM");
}

}  // namespace

void AesGcm::Free::operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }

AesGcm::AesGcm(const CipherKey& key, Use use) : use_(use), context_(EVP_CIPHER_CTX_new()) {
    check_gcm(context_ != nullptr);
    check_gcm(EVP_CipherInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr,
                                use == Use::seal));
    set_key(key);
}

void AesGcm::set_key(const CipherKey& key) {
    check_gcm(EVP_CipherInit_ex(context_.get(), nullptr, nullptr, key.data(), nullptr,
                                use_ == Use::seal));
}

void AesGcm::seal(const Nonce& nonce, ByteView additional, std::span<const ByteView> parts,
                  std::span<std::uint8_t> frame) {
    EVP_CIPHER_CTX* const context = context_.get();
    int written = 0;
    check_gcm(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.data(), 1));
    check_gcm(EVP_CipherUpdate(context, nullptr, &written, additional.data(),
                               static_cast<int>(additional.size())));
    std::uint8_t* to = frame.data();
    for (ByteView part : parts) {
        if (part.empty()) continue;
        check_gcm(
            EVP_CipherUpdate(context, to, &written, part.data(), static_cast<int>(part.size())));
        to += written;
    }
    assert(to + tag_bytes == frame.data() + frame.size());
    check_gcm(EVP_CipherFinal_ex(context, to, &written));
    check_gcm(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_bytes, to));
}

Result<void> AesGcm::open(const Nonce& nonce, ByteView additional, ByteView frame,
                          std::span<std::uint8_t> text) {
    if (frame.size() < tag_bytes) return Errc::truncated;
    assert(text.size() + tag_bytes == frame.size());
    EVP_CIPHER_CTX* const context = context_.get();
    int written = 0;
    check_gcm(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.data(), 0));
    check_gcm(EVP_CipherUpdate(context, nullptr, &written, additional.data(),
                               static_cast<int>(additional.size())));
    if (!text.empty())
        check_gcm(EVP_CipherUpdate(context, text.data(), &written, frame.data(),
                                   static_cast<int>(text.size())));
    std::array<std::uint8_t, tag_bytes> tag;
    std::ranges::copy(frame.last<tag_bytes>(), tag.begin());
    check_gcm(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()));
    std::uint8_t none[16];
    if (EVP_CipherFinal_ex(context, none, &written) != 1) return Errc::bad_decryption;
    return ok;
}

}  // namespace kp2p::proto
