// The LanService of this machine: the daemon of the system that speaks DNS-SD (Avahi, Bonjour),
// through dns_sd.h. A thread of its own asks it, since a daemon may keep whoever asks waiting.
#pragma once

#include <memory>

#include "node/discover/lan_service.hpp"
#include "node/threads/pool.hpp"

namespace kp2p {

// Null where there is no such library.
std::unique_ptr<LanService> dns_sd_service(Pool& pool);

}  // namespace kp2p
