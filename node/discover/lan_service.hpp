// LanService: the door to what announces a service in the LAN and finds those of others, DNS-SD. A
// test's is a LAN in memory. Nothing of it waits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/bytes.hpp"
#include "proto/host.hpp"

namespace kp2p {

struct LanOffer {
    std::string name;  // of this announcement, for whoever lists services; unlike all others
    std::uint16_t port = 0;
    ByteVector txt;
    friend bool operator==(const LanOffer&, const LanOffer&) = default;
};

struct LanFound {  // as somebody in the LAN says
    ByteVector txt;
    std::vector<Host> hosts;
    std::uint16_t port = 0;
};

class LanService {
  public:
    static constexpr std::size_t max_found = 64;
    static constexpr std::size_t max_hosts = 4;  // of each

    virtual ~LanService() = default;
    // Announces this from now on, instead of what it was told before; none: nothing.
    virtual void announce(std::optional<LanOffer> offer) = 0;
    // All that are there, as far as is known by now; ourselves too.
    virtual std::vector<LanFound> found() = 0;
    // Why nothing is announced or found; empty if all is well, as far as is known.
    virtual std::string trouble() = 0;
};

}  // namespace kp2p
