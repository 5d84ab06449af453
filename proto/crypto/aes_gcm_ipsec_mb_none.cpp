#include "proto/crypto/aes_gcm.hpp"

namespace kp2p::proto {

std::unique_ptr<AesGcm> aes_gcm_ipsec_mb(const CipherKey&) { return nullptr; }

}  // namespace kp2p::proto
