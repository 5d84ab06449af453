// Tells the service manager how the daemon is, in the protocol of sd_notify(3): one datagram to the
// socket that $NOTIFY_SOCKET names. Does nothing where there is none.
#pragma once

#include <string_view>

namespace kp2p {

void notify_service_manager(std::string_view state);  // "READY=1", "STOPPING=1"

}  // namespace kp2p
