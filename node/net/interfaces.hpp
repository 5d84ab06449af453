// The addresses of this computer's interfaces.
#pragma once

#include <string>
#include <system_error>
#include <vector>

#include "proto/host.hpp"

namespace kp2p {

// Of interfaces that are up, both families; neither loopback nor, of IPv6, link-local ones. At most
// 32: first what leads to the Internet, last what is connected to nothing, as bridges for
// containers may be, of which some computers have many.
std::vector<Host> interface_hosts();

// The name of the interface by which IPv4 packets to the Internet leave; empty: of none.
std::string way_out_name();

// Whether an interface has it, whatever it is; loopback ones are.
bool is_own_host(const Host& host);

// Why no socket can be bound to an address: of one that is none of a single computer, or needs more
// than itself; empty: it may do. The system binds to some of these without a word, and nobody is
// reached from there.
std::string why_never_bound(const Host& host);
// The same of what the system has said.
std::string bind_words(const Host& host, std::error_code error);

}  // namespace kp2p
