// Nodes with swarms in a simulated world whose DHT is up.
#pragma once

#include <doctest/doctest.h>

#include <set>

#include "node/async/tasks.hpp"
#include "node/swarm/swarm.hpp"
#include "proto/outcome.hpp"
#include "test/node/dht/simulated_dht.hpp"
#include "test/node/transport/memory_doors.hpp"

namespace kp2p::test {

using namespace std::chrono_literals;

constexpr std::uint32_t dht_nodes = 8;
constexpr const char* protocol = "test";

// Serves every connection with a channel that sends messages back.
inline Task<> echo(std::shared_ptr<Connection> connection) {
    auto channel = co_await connection->open(protocol, ByteVector(), ByteVector());
    while (channel) {
        auto message = co_await (*channel)->receive();
        if (!message) co_return;
        auto sent = co_await (*channel)->send(message->type, message->payload);
        if (!sent) co_return;
    }
}

// Serves until the connection ends; the test itself opens channels.
inline Task<> hold(std::shared_ptr<Connection> connection) {
    connection->on_open(protocol, [](const RemoteOpen&) { return true; });
    auto ended = co_await connection->closed();
    (void)ended;
}

// What a member has of TCP.
struct Tcp {
    MemoryDoors* doors = nullptr;  // null: none
    std::vector<FixedPeer> fixed = {};
};

class Member {
  public:
    using Serve = std::function<Task<>(std::shared_ptr<Connection>)>;

    // `identity` is the number of its key.
    Member(Sim& sim, std::uint32_t number, std::uint32_t identity, DhtSetup setup, Serve serve,
           Tcp tcp)
        : runtime(sim.runtime()),
          sim(sim),
          node(sim, host_of(number), std::move(setup)),
          door(tcp.doors ? tcp.doors->open(host_of(number)) : nullptr),
          identity(identity),
          swarm(parts(identity, serve, std::move(tcp.fixed))) {
        runtime.log = [this](const char*, const std::string& line) { log.push_back(line); };
    }

    Task<> enter(Tasks& all) {
        all.spawn(node.dht.run());
        auto entered = co_await node.dht.bootstrap();
        CHECK(entered);
        all.spawn(swarm.run());
    }

    Runtime runtime;
    Sim& sim;
    SimulatedDht node;
    std::unique_ptr<ByteStreams> door;
    const std::uint32_t identity;
    Swarm swarm;
    std::vector<std::string> log;
    std::set<NodeId> shared_with, working_with;
    std::size_t sockets_opened = 0;  // to punch holes

  private:
    Use use_of(const NodeId& peer) const {
        Use use;
        if (shared_with.contains(peer)) use.topics.insert(Topic());
        if (working_with.contains(peer)) use.work = Work::busy;
        return use;
    }
    SwarmParts parts(std::uint32_t number, Serve serve, std::vector<FixedPeer> fixed) {
        return {.runtime = runtime,
                .dht = node.dht,
                .udx = node.udx,
                .keys = proto::KeyPair::from_seed(seed_of(number)),
                .serve = std::move(serve),
                .use_of = [this](const NodeId& peer) { return use_of(peer); },
                .tcp = door.get(),
                .fixed = std::move(fixed),
                .open_socket = [this] { return open_socket(); }};
    }
    Result<std::unique_ptr<Datagrams>> open_socket() {
        const auto port = static_cast<std::uint16_t>(51000 + sockets_opened++);
        return sim.open({node.address.host, port});
    }
};

inline std::string reasons(const Swarm& swarm, const NodeId& node) {
    Findings why;
    for (const Finding& finding : swarm.why_not(node)) why.add(finding);
    return why.text();
}

enum class Reach { open, behind_nat };

struct World {
    explicit World(Sim& sim) : sim(sim) {
        for (std::uint32_t i = 0; i < dht_nodes; i++) {
            DhtSetup setup = entering();
            if (i == 0) {
                setup = DhtSetup();
                setup.public_address = host_of(0);
            }
            setup.persistence = Persistence::persistent;
            setup.reach = proto::dht::Reach::open;
            nodes.push_back(std::make_unique<SimulatedDht>(sim, host_of(i), setup));
        }
    }
    static DhtSetup entering() {
        DhtSetup setup;
        setup.bootstrap.push_back(*parse_bootstrap(host_of(0).text()));
        return setup;
    }
    // Behind a NAT of its own.
    Member& add(SimNat::Kind nat, Member::Serve serve) {
        Member& member = add(Reach::behind_nat, std::move(serve));
        const auto number = static_cast<std::uint32_t>(1000 + members.size());
        sim.nat(member.node.address, nat, host_of(number));
        return member;
    }
    Member& add(Reach reach, Member::Serve serve, Tcp tcp = Tcp()) {
        const auto number = static_cast<std::uint32_t>(100 + members.size());
        return add(number, number, reach, std::move(serve), std::move(tcp));
    }
    // With the same key, elsewhere.
    Member& add_twin_of(const Member& other, Reach reach, Member::Serve serve, Tcp tcp = Tcp()) {
        const auto number = static_cast<std::uint32_t>(100 + members.size());
        return add(number, other.identity, reach, std::move(serve), std::move(tcp));
    }

    Sim& sim;
    MemoryDoors doors{sim.loop().get_executor()};
    std::vector<std::unique_ptr<SimulatedDht>> nodes;
    std::vector<std::unique_ptr<Member>> members;
    std::vector<std::shared_ptr<void>> kept;  // of a test, until nothing runs any more

  private:
    Member& add(std::uint32_t number, std::uint32_t identity, Reach reach, Member::Serve serve,
                Tcp tcp) {
        DhtSetup setup = entering();
        setup.persistence = Persistence::ephemeral;
        if (reach == Reach::open) setup.reach = proto::dht::Reach::open;
        members.push_back(std::make_unique<Member>(sim, number, identity, setup, std::move(serve),
                                                   std::move(tcp)));
        return *members.back();
    }
};

// Runs `test` in a world whose DHT is up.
template <class Test>
void in_world(std::uint64_t seed, const Sim::Conditions& conditions, Test test) {
    Sim sim(seed, conditions);
    World world(sim);
    auto body = [&](Tasks& all) -> Task<> {
        for (auto& node : world.nodes) {
            all.spawn(node->dht.run());
            auto entered = co_await node->dht.bootstrap();
            CHECK(entered);
        }
        co_await test(world, all);
        all.cancel();
    };
    auto root = [&]() -> Task<> {
        auto done = co_await with_tasks(body);
        (void)done;
    };
    sim.run(root());
    for (auto& member : world.members) CHECK(member->node.udx.streams() == 0);
}

template <class Test>
void in_world(std::uint64_t seed, Test test, double loss = 0) {
    Sim::Conditions conditions;
    conditions.loss = loss;
    in_world(seed, conditions, std::move(test));
}

// Waits for virtual time to pass until it holds, up to the limit.
template <class Holds>
Task<bool> soon(World& world, Clock::Span limit, Holds holds) {
    for (Clock::Span waited{}; waited < limit; waited += 100ms) {
        if (holds()) co_return true;
        auto slept = co_await world.sim.clock().sleep_for(100ms);
        if (!slept) co_return false;
    }
    co_return holds();
}

inline Task<> check_echo(Connection& connection) {
    auto channel = co_await connection.open(protocol, ByteVector(), ByteVector());
    CAPTURE(channel.error().message());
    REQUIRE(channel);
    ByteVector payload(100000);
    for (std::size_t i = 0; i < payload.size(); i++)
        payload[i] = static_cast<std::uint8_t>(i * i >> 8);
    auto sent = co_await (*channel)->send(3, payload);
    CHECK(sent);
    auto back = co_await (*channel)->receive();
    REQUIRE(back);
    CHECK(as_text(back->payload) == as_text(payload));
}

}  // namespace kp2p::test
