// The functions of dns_sd.h, by which the daemon of the system that speaks DNS-SD is asked. Avahi's
// library for them draws in ten others, so it is loaded where there is an Avahi to ask, and not
// where there is none.
#pragma once

#include <dns_sd.h>

#include <string>

namespace kp2p {

struct DnsSdCalls {
    decltype(&::DNSServiceBrowse) browse;
    decltype(&::DNSServiceRegister) announce;
    decltype(&::DNSServiceResolve) resolve;
    decltype(&::DNSServiceQueryRecord) query;
    decltype(&::DNSServiceProcessResult) process;
    decltype(&::DNSServiceRefSockFD) socket;
    decltype(&::DNSServiceRefDeallocate) release;
};

// Lives as long as the process. Null where nobody can be asked; `why` says it then.
const DnsSdCalls* dns_sd_calls(std::string& why);

}  // namespace kp2p
