// A DHT node of ours in a simulated world, as its own host: x.x.x.x:49737 and a client port.
#pragma once

#include "node/dht/dht.hpp"
#include "node/discover/announcer.hpp"
#include "node/udx/udx_context.hpp"
#include "test/sim/sim.hpp"

namespace kp2p::test {

inline proto::Seed seed_of(std::uint64_t number) {
    proto::Seed seed;
    for (std::size_t i = 0; i < 8; ++i)
        seed.mutable_view()[i] = static_cast<std::uint8_t>(number >> (8 * i));
    return seed;
}

// Distinct public addresses, far apart.
inline Endpoint host_of(std::uint32_t number) {
    return {{static_cast<std::uint8_t>(11 + number % 80), static_cast<std::uint8_t>(number >> 16),
             static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)},
            49737};
}

inline Topic topic_of(std::uint32_t number) {
    Topic topic;
    topic.mutable_view()[0] = static_cast<std::uint8_t>(37 * number);
    topic.mutable_view()[1] = static_cast<std::uint8_t>(number);
    return topic;
}

inline auto relays_at(std::vector<Endpoint> addresses) {
    return [addresses = std::move(addresses)]() -> Task<Result<std::vector<Endpoint>>> {
        co_return addresses;
    };
}

class SimulatedDht {
  public:
    SimulatedDht(Sim& sim, const Endpoint& address, DhtSetup setup)
        : udx(sim.loop().get_executor(), sim.clock(), sim.runtime().random.number()),
          server(sim.open(address), udx),
          client(sim.open({address.host, 50000}), udx),
          address(address),
          dht(sim.runtime(), server, client, std::move(setup)) {}

    UdxContext udx;
    UdpPort server, client;
    Endpoint address;
    Dht dht;
};

}  // namespace kp2p::test
