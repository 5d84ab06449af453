#include "node/net/address.hpp"

namespace kp2p {

asio::ip::address to_address(const Host& host) {
    if (host.is_v4()) return asio::ip::address_v4(host.v4());
    return asio::ip::address_v6(host.bytes());
}

Host from_address(const asio::ip::address& address) {
    if (address.is_v4()) return Host(address.to_v4().to_bytes());
    return Host(address.to_v6().to_bytes());
}

}  // namespace kp2p
