#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <stdexcept>

#include "proto/crypto/aes_gcm.hpp"
#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

void check_gcm(int succeeded) {
    if (succeeded != 1) throw std::runtime_error("OpenSSL cannot do AES-256-GCM");
}

class OpensslGcm final : public AesGcm {
  public:
    explicit OpensslGcm(const CipherKey& key) : context_(EVP_CIPHER_CTX_new()) {
        check_gcm(context_ != nullptr);
        check_gcm(EVP_CipherInit_ex(context_.get(), EVP_aes_256_gcm(), nullptr, nullptr, nullptr,
                                    sealing));
        set_key(key);
    }

    void set_key(const CipherKey& key) override {
        check_gcm(
            EVP_CipherInit_ex(context_.get(), nullptr, nullptr, key.data(), nullptr, as_before));
    }
    void seal(const Nonce& nonce, ByteView additional, std::span<const ByteView> parts,
              std::span<std::uint8_t> frame) override {
        begin(nonce, additional, sealing);
        int written = 0;
        std::uint8_t* to = frame.data();
        for (ByteView part : parts) {
            if (part.empty()) continue;
            check_gcm(EVP_CipherUpdate(context_.get(), to, &written, part.data(),
                                       static_cast<int>(part.size())));
            to += written;
        }
        assert(to + tag_bytes == frame.data() + frame.size());
        check_gcm(EVP_CipherFinal_ex(context_.get(), to, &written));
        check_gcm(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, to));
    }
    Result<void> open(const Nonce& nonce, ByteView additional, ByteView frame,
                      std::span<std::uint8_t> text) override {
        if (frame.size() < tag_bytes) return Errc::truncated;
        assert(text.size() + tag_bytes == frame.size());
        begin(nonce, additional, opening);
        int written = 0;
        if (!text.empty())
            check_gcm(EVP_CipherUpdate(context_.get(), text.data(), &written, frame.data(),
                                       static_cast<int>(text.size())));
        std::array<std::uint8_t, tag_bytes> tag;
        std::ranges::copy(frame.last<tag_bytes>(), tag.begin());
        check_gcm(
            EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()));
        std::uint8_t none[16];
        if (EVP_CipherFinal_ex(context_.get(), none, &written) != 1) return Errc::bad_decryption;
        return ok;
    }

  private:
    static constexpr int sealing = 1, opening = 0, as_before = -1;

    struct Free {
        void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
    };

    void begin(const Nonce& nonce, ByteView additional, int direction) {
        int written = 0;
        check_gcm(
            EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, nonce.data(), direction));
        check_gcm(EVP_CipherUpdate(context_.get(), nullptr, &written, additional.data(),
                                   static_cast<int>(additional.size())));
    }

    std::unique_ptr<EVP_CIPHER_CTX, Free> context_;
};

}  // namespace

std::unique_ptr<AesGcm> aes_gcm_openssl(const CipherKey& key) {
    return std::make_unique<OpensslGcm>(key);
}

}  // namespace kp2p::proto
