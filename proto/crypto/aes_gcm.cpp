#include "proto/crypto/aes_gcm.hpp"

#include <utility>

namespace kp2p::proto {

std::unique_ptr<AesGcm> aes_gcm(const CipherKey& key) {
    auto wide = aes_gcm_ipsec_mb(key);
    return wide ? std::move(wide) : aes_gcm_openssl(key);
}

}  // namespace kp2p::proto
