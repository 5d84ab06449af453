#include "node/discover/dns_sd_calls.hpp"

namespace kp2p {

const DnsSdCalls* dns_sd_calls(std::string&) {
    static constexpr DnsSdCalls calls{::DNSServiceBrowse,        ::DNSServiceRegister,
                                      ::DNSServiceResolve,       ::DNSServiceQueryRecord,
                                      ::DNSServiceProcessResult, ::DNSServiceRefSockFD,
                                      ::DNSServiceRefDeallocate};
    return &calls;
}

}  // namespace kp2p
