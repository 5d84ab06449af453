// Straight to a node that says that it is open, or that we have already heard from; and waiting for
// one that comes straight to us.
#include <algorithm>

#include "node/async/timeout.hpp"
#include "node/reach/approach.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using proto::dht::Firewall;

constexpr std::chrono::seconds max_wait_for_server{10};

Task<Result<UdxPath>> known(UdxPath path) { co_return path; }

Task<Result<UdxPath>> awaited(Clock& clock, FoundPath& found) {
    const auto until = clock.now() + max_wait_for_server;
    while (!found.path) {
        auto woken = co_await with_timeout(clock, until - clock.now(), found.changed.wait());
        if (!woken) co_return woken.error();
    }
    co_return *found.path;
}

constexpr unsigned proof_retries = 3;

Task<Result<UdxPath>> shown(Dht& dht, std::function<Task<Result<UdxPath>>()> run) {
    auto path = co_await run();
    if (!path) co_return path;
    auto pong = co_await dht.ping(dht.default_socket(), path->remote, proof_retries);
    if (!pong) co_return pong.error();
    co_return path;
}

Task<Result<UdxPath>> shown_from(Dht& dht, SocketPool& pool, SocketPool::Open open, Endpoint to) {
    auto socket = pool.open(open);
    if (!socket) co_return socket.error();
    auto pong = co_await dht.ping((*socket)->id(), to, proof_retries);
    if (!pong) co_return pong.error();
    const UdxPath path{&(*socket)->datagrams(), to};
    co_return pool.keeping(path);
}

}  // namespace

Approach shown_approach(const Greeted& greeted, Approach approach) {
    approach.run = [&dht = greeted.dht, run = std::move(approach.run)] { return shown(dht, run); };
    approach.proof = Approach::Proof::answered;
    return approach;
}

Approach from_port(const Greeted& greeted, Approach approach, SocketPool& pool,
                   SocketPool::Open open) {
    const Endpoint to = *approach.failure.path->at;
    approach.run = [&dht = greeted.dht, &pool, open = std::move(open), to] {
        return shown_from(dht, pool, open, to);
    };
    approach.proof = Approach::Proof::answered;
    return approach;
}

std::optional<Approach> open_approach(const Greeted& greeted) {
    const auto& [relay, reply, payload] = greeted.answer;
    const auto to = [&node = greeted.remote](UdpPort& port, const Endpoint& remote) {
        const UdxPath path{&port.socket(), remote};
        return Approach{.run = [path] { return known(path); },
                        .failure = {.code = Finding::Code::path_silent,
                                    .node = node,
                                    .what = remote.text(),
                                    .path = TriedPath{TriedPath::Way::direct, remote}},
                        .proof = Approach::Proof::none};
    };
    if (!reply.relayed) return to(*greeted.dht.port(reply.socket), reply.server);
    const bool nothing_to_punch = !payload.holepunch || payload.holepunch->relays.empty();
    if (payload.firewall != Firewall::open && !nothing_to_punch) return std::nullopt;
    const auto& addresses = payload.addresses4;
    const auto open = std::find_if(addresses.begin(), addresses.end(), [](const Endpoint& address) {
        return !proto::dht::is_bogon(address);
    });
    UdpPort& port = *greeted.dht.port(greeted.dht.default_socket());
    return to(port, open == addresses.end() ? reply.server : *open);
}

std::optional<Approach> awaited_approach(const Greeted& greeted, FoundPath& found) {
    if (!greeted.we_are_open) return std::nullopt;
    const auto run = [&clock = greeted.clock, &found] { return awaited(clock, found); };
    return Approach{
        .run = run,
        .failure = {.code = Finding::Code::sent_nothing,
                    .node = greeted.remote,
                    .path = TriedPath{TriedPath::Way::direct, greeted.answer.reply.server}},
        .proof = Approach::Proof::heard};
}

}  // namespace kp2p
