#include "node/discover/addresses.hpp"

#include "node/net/address.hpp"

namespace kp2p {
namespace {

constexpr std::size_t max_addresses_of_name = 8;

}  // namespace

Task<Result<std::vector<Endpoint>>> addresses_of(Clock& clock, FixedPeer peer) {
    std::vector<Host> hosts;
    if (const auto host = Host::parse(peer.host)) {
        hosts.push_back(*host);
    } else {
        NameQuestion question{peer.host};
        auto found = co_await hosts_of(clock, std::move(question));
        if (!found) co_return found.error();
        hosts = *std::move(found);
    }
    if (hosts.size() > max_addresses_of_name) hosts.resize(max_addresses_of_name);
    std::vector<Endpoint> addresses;
    for (const Host& host : hosts) addresses.push_back({host, peer.port});
    co_return addresses;
}

}  // namespace kp2p
