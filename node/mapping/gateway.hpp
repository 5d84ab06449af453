// Gateway: what PortMapper does, in blocking calls, for a thread that may be kept waiting; see
// GatewayThread. The real one asks by NAT-PMP, which a router answers at once or never, and else by
// UPnP. What a router says comes from a stranger: lengths, numbers and addresses are checked.
#pragma once

#include <memory>
#include <vector>

#include "node/mapping/mapping.hpp"
#include "proto/result.hpp"

namespace kp2p {

class Gateway {
  public:
    virtual ~Gateway() = default;
    virtual Result<Mapping> map(const MappingWish& wish) = 0;
    virtual void unmap() = 0;
};

// For how long a router is asked to forward.
inline constexpr std::chrono::seconds wanted_lifetime{3600};
// What is forwarded is called that in a router's list.
inline constexpr char mapping_name[] = "kp2p";

std::unique_ptr<Gateway> nat_pmp_gateway();
std::unique_ptr<Gateway> upnp_gateway();
// One after the other; the one that was successful is asked first the next time.
std::unique_ptr<Gateway> first_gateway_of(std::unique_ptr<Gateway> one,
                                          std::unique_ptr<Gateway> other);
// Whether a machine with these addresses, its sockets bound to `bound`, may be behind a router that
// can forward something to it over IPv4.
bool is_behind_nat(const Host& bound, const std::vector<Host>& interfaces);
// All of the above.
std::unique_ptr<Gateway> machine_gateway();

}  // namespace kp2p
