// Tells the service manager how the daemon is, in the protocol of sd_notify(3): one datagram to the
// socket that $NOTIFY_SOCKET names. Does nothing where there is none.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "node/async/clock.hpp"

namespace kp2p {

bool has_service_manager();
void notify_service_manager(std::string_view state);  // "READY=1", "STOPPING=1"

// Says, until cancelled, what `status` gives, one line for people, when that has changed; and, if
// the manager has asked for it ($WATCHDOG_USEC), that the loop still runs, twice as often as it
// must. A loop that hangs says nothing. Never waits for the manager.
Task<> keep_service_manager_informed(Clock& clock, std::function<std::string()> status);

}  // namespace kp2p
