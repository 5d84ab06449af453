#include <intel-ipsec-mb.h>
#include <sodium.h>

#include <array>
#include <cassert>

#include "proto/crypto/aes_gcm.hpp"
#include "proto/errc.hpp"

namespace kp2p::proto {
namespace {

// The library's functions for this processor; null where OpenSSL's are as good.
const IMB_MGR* wide_functions() {
    static const IMB_MGR* const functions = []() -> const IMB_MGR* {
        constexpr std::uint64_t wide = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;
        IMB_MGR* const all = alloc_mb_mgr(0);
        if (!all) return nullptr;
        init_mb_mgr_auto(all, nullptr);
        if (imb_get_errno(all) == 0 && (all->features & wide) == wide) return all;
        free_mb_mgr(all);
        return nullptr;
    }();
    return functions;
}

class IpsecMbGcm final : public AesGcm {
  public:
    IpsecMbGcm(const IMB_MGR* functions, const CipherKey& key) : functions_(functions) {
        set_key(key);
    }
    ~IpsecMbGcm() override {
        sodium_memzero(&key_, sizeof key_);
        sodium_memzero(&message_, sizeof message_);
    }
    IpsecMbGcm(const IpsecMbGcm&) = delete;
    IpsecMbGcm& operator=(const IpsecMbGcm&) = delete;

    void set_key(const CipherKey& key) override {
        IMB_AES256_GCM_PRE(functions_, key.data(), &key_);
    }
    void seal(const Nonce& nonce, ByteView additional, std::span<const ByteView> parts,
              std::span<std::uint8_t> frame) override {
        begin(nonce, additional);
        std::uint8_t* to = frame.data();
        for (ByteView part : parts) {
            if (part.empty()) continue;
            IMB_AES256_GCM_ENC_UPDATE(functions_, &key_, &message_, to, part.data(), part.size());
            to += part.size();
        }
        assert(to + tag_bytes == frame.data() + frame.size());
        IMB_AES256_GCM_ENC_FINALIZE(functions_, &key_, &message_, to, tag_bytes);
    }
    Result<void> open(const Nonce& nonce, ByteView additional, ByteView frame,
                      std::span<std::uint8_t> text) override {
        if (frame.size() < tag_bytes) return Errc::truncated;
        assert(text.size() + tag_bytes == frame.size());
        begin(nonce, additional);
        if (!text.empty())
            IMB_AES256_GCM_DEC_UPDATE(functions_, &key_, &message_, text.data(), frame.data(),
                                      text.size());
        std::array<std::uint8_t, tag_bytes> tag;
        IMB_AES256_GCM_DEC_FINALIZE(functions_, &key_, &message_, tag.data(), tag_bytes);
        const ByteView claimed = frame.last(tag_bytes);
        if (sodium_memcmp(claimed.data(), tag.data(), tag_bytes) != 0) return Errc::bad_decryption;
        return ok;
    }

  private:
    void begin(const Nonce& nonce, ByteView additional) {
        // The library takes no null pointer, of whatever length.
        static constexpr std::uint8_t none = 0;
        IMB_AES256_GCM_INIT(functions_, &key_, &message_, nonce.data(),
                            additional.empty() ? &none : additional.data(), additional.size());
    }

    const IMB_MGR* functions_;
    gcm_key_data key_;
    gcm_context_data message_;
};

}  // namespace

std::unique_ptr<AesGcm> aes_gcm_ipsec_mb(const CipherKey& key) {
    const IMB_MGR* const functions = wide_functions();
    if (!functions) return nullptr;
    return std::make_unique<IpsecMbGcm>(functions, key);
}

}  // namespace kp2p::proto
