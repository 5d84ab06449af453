#include "node/net/address.hpp"

namespace kp2p {

asio::ip::address to_address(const Host& host) {
    if (host.is_v4()) return asio::ip::address_v4(host.v4());
    return asio::ip::address_v6(host.with_zone(0).bytes(), host.zone());
}

Host from_address(const asio::ip::address& address) {
    if (address.is_v4()) return Host(address.to_v4().to_bytes());
    const asio::ip::address_v6 v6 = address.to_v6();
    return Host(v6.to_bytes()).with_zone(static_cast<std::uint32_t>(v6.scope_id()));
}

}  // namespace kp2p
