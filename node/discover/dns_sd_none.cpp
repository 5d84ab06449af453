// Where there is no dns_sd.h.
#include "node/discover/dns_sd.hpp"

namespace kp2p {

std::unique_ptr<LanService> dns_sd_service(Pool&) { return nullptr; }

}  // namespace kp2p
