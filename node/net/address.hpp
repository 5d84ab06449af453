// Hosts as asio has them.
#pragma once

#include <asio/ip/address.hpp>

#include "proto/host.hpp"

namespace kp2p {

asio::ip::address to_address(const Host& host);
Host from_address(const asio::ip::address& address);

}  // namespace kp2p
