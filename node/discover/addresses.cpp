#include "node/discover/addresses.hpp"

#include <asio/ip/tcp.hpp>

#include "node/net/address.hpp"

namespace kp2p {
namespace {

constexpr std::size_t max_addresses_of_name = 8;

}  // namespace

Task<std::vector<Endpoint>> addresses_of(FixedPeer peer) {
    std::vector<Endpoint> addresses;
    if (const auto host = Host::parse(peer.host)) {
        addresses.push_back({*host, peer.port});
        co_return addresses;
    }
    asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
    auto [error, results] = co_await resolver.async_resolve(peer.host, "", use_result);
    if (error) co_return addresses;
    for (const auto& result : results)
        if (addresses.size() < max_addresses_of_name)
            addresses.push_back({from_address(result.endpoint().address()), peer.port});
    co_return addresses;
}

}  // namespace kp2p
