#include "node/swarm/peer.hpp"

#include <doctest/doctest.h>

#include "test/node/transport/memory_stream.hpp"
#include "test/sim/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

TEST_CASE("TCP comes before UDX, and what is direct before what is relayed") {
    using Kind = Path::Kind;
    using Transport = Path::Transport;
    const auto rank = [](Kind kind, Transport transport) {
        Path path;
        path.kind = kind;
        path.transport = transport;
        return rank_of(path);
    };
    CHECK(rank(Kind::direct, Transport::tcp) == PathRank::tcp);
    CHECK(rank(Kind::lan, Transport::tcp) == PathRank::tcp);
    CHECK(rank(Kind::direct, Transport::udx) == PathRank::udx);
    CHECK(rank(Kind::lan, Transport::udx) == PathRank::udx);
    CHECK(rank(Kind::relayed, Transport::udx) == PathRank::relayed);
    CHECK(rank(Kind::tunnelled, Transport::udx) == PathRank::relayed);
    CHECK(PathRank::tcp < PathRank::udx);
    CHECK(PathRank::udx < PathRank::relayed);
}

TEST_CASE("a connection whose path has got better is held once") {
    Sim sim(1);
    const auto connection = connection_pair(sim.loop().get_executor(), sim.clock()).initiator;
    Peer peer;
    peer.hold({connection, PathRank::relayed, std::nullopt});
    peer.hold({connection, PathRank::udx, sim.clock().now()});
    REQUIRE(peer.held().size() == 1);
    CHECK(peer.best()->rank == PathRank::udx);
}

TEST_CASE("of a peer's connections the best that is proven is known, one for each kind of path") {
    Sim sim(1);
    const auto made = [&] {
        return connection_pair(sim.loop().get_executor(), sim.clock()).initiator;
    };
    const auto tcp = made(), udx = made(), newer = made(), relayed = made();
    const Clock::Time now = sim.clock().now();
    Peer peer;
    CHECK(peer.empty());
    CHECK(!peer.best());
    peer.hold({relayed, PathRank::relayed, now});
    CHECK(peer.best()->connection == relayed);
    peer.hold({udx, PathRank::udx, std::nullopt});
    CHECK(peer.best()->connection == relayed);  // the other is not proven
    peer.hold({udx, PathRank::udx, now + 1s});
    CHECK(peer.best()->connection == udx);
    peer.hold({tcp, PathRank::tcp, now + 2s});
    CHECK(peer.best()->connection == tcp);
    CHECK(peer.proven() == now);
    CHECK(peer.held().size() == 3);
    peer.hold({newer, PathRank::udx, now + 3s});
    CHECK(peer.held().size() == 3);
    CHECK(!peer.find(*udx));
    CHECK(peer.find(PathRank::udx)->connection == newer);
    peer.remove(*tcp);
    CHECK(peer.best()->connection == newer);
    peer.remove(*newer);
    CHECK(peer.best()->connection == relayed);
    peer.remove(*relayed);
    CHECK(peer.empty());
}
