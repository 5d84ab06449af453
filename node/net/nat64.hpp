// How a computer that has IPv6 alone reaches IPv4: its network may translate what is sent to
// addresses of IPv6 that begin with a prefix and end with one of IPv4 (RFC 6052); a name shows the
// prefix (RFC 7050). Sockets send there, and name who answers by its address of IPv4, so that
// nothing above them knows. One for the process, as its network is one; used by one thread.
#pragma once

#include <optional>

#include "node/async/clock.hpp"
#include "node/net/address.hpp"

namespace kp2p {

// The prefix as an address that ends with 0.0.0.0; none: nothing is translated. Of 96 bits, as
// nearly all are.
std::optional<Host> nat64_prefix();
void use_nat64(std::optional<Host> prefix);

// Where packets for it go, and whom one that comes from there is from.
Host beyond_nat64(const Host& host);
Host before_nat64(const Host& host);

// Asks for it where this computer, of these addresses, has IPv6 alone, and uses what it finds;
// where it has IPv4, or none at all, nothing is translated. Errors as hosts_of().
using Resolve = std::function<Result<std::vector<Host>>(const std::string&)>;
Task<Result<void>> look_for_nat64(Clock& clock, std::vector<Host> own, Resolve resolve);

}  // namespace kp2p
