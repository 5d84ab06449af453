// To a node that seems to be in our LAN, since both are seen from outside at one address.
#include "node/reach/heed.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::dht::SocketId;

constexpr unsigned lan_ping_retries = 3;

std::optional<Endpoint> lan_address(const Greeted& greeted) {
    const auto& [relay, reply, payload] = greeted.answer;
    if (reply.client.host != reply.server.host) return std::nullopt;
    std::vector<Endpoint> theirs;
    for (const Endpoint& address : payload.addresses4)
        if (!proto::dht::is_reserved(address)) theirs.push_back(address);
    if (theirs.empty()) return std::nullopt;
    const Endpoint bound = greeted.dht.port(SocketId::server)->socket().local();
    const auto ours = local_addresses(bound);
    const auto match = proto::dht::match_address({ours, theirs});
    return match.value_or(theirs.front());
}

Task<Result<UdxPath>> ping(Dht& dht, Endpoint address) {
    auto pong = co_await dht.ping(SocketId::server, address, lan_ping_retries);
    if (!pong) co_return pong.error();
    co_return UdxPath{&dht.port(SocketId::server)->socket(), address};
}

}  // namespace

std::optional<Approach> lan_approach(const Greeted& greeted) {
    if (greeted.we_are_open) return std::nullopt;
    const auto address = lan_address(greeted);
    if (!address) return std::nullopt;
    const auto run = [&dht = greeted.dht, at = *address] { return ping(dht, at); };
    return heeding_approach(greeted, {run,
                                      {.code = Finding::Code::lan_silent,
                                       .node = greeted.remote,
                                       .what = address->text(),
                                       .path = TriedPath{TriedPath::Way::lan, *address}}});
}

}  // namespace kp2p
