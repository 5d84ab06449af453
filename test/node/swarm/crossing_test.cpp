// Two nodes dial each other at about the same moment, and one of them is not ours.
#include <doctest/doctest.h>

#include "proto/record/secret_stream.hpp"
#include "test/node/swarm/world.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

// Chooses as npm hyperswarm does (index.js): a node that dials it, and that has been heard along a
// connection already, has lost that; otherwise the greater key's dial stays.
class OtherNode {
  public:
    OtherNode(Sim& sim, std::uint32_t number, std::uint32_t identity)
        : runtime_(sim.runtime()),
          node_(sim, host_of(number), setup()),
          keys_(proto::KeyPair::from_seed(seed_of(identity))),
          announcer_(node_.dht, keys_),
          dialer_({runtime_, node_.dht, node_.udx, keys_}),
          acceptor_({runtime_, node_.dht, node_.udx, announcer_, keys_,
                     [](const NodeId&) { return true; },
                     [this](Link link) { accepted(std::move(link)); }}) {}

    Task<> enter(Tasks& all) {
        all_ = &all;
        all.spawn(node_.dht.run());
        auto entered = co_await node_.dht.bootstrap();
        CHECK(entered);
        all.spawn(announcer_.run());
        all.spawn(acceptor_.run());
        auto announced = co_await announcer_.announced();
        CHECK(announced);
    }
    Task<> dial(NodeId to) {
        Findings why;
        std::vector<Endpoint> relays;  // to be found
        auto link = co_await dialer_.dial(to, std::move(relays), why);
        if (link && !taken_) take(std::move(*link));
    }
    const NodeId& id() const { return keys_.public_key(); }
    const Connection* taken() const { return taken_.get(); }
    bool changed_its_mind() const { return changed_its_mind_; }

  private:
    static DhtSetup setup() {
        DhtSetup setup = World::entering();
        setup.persistence = Persistence::ephemeral;
        setup.reach = proto::dht::Reach::open;
        return setup;
    }
    void accepted(Link link) {
        if (taken_) {
            const bool ours_stays = link.keys.remote < id();
            if (!taken_->is_heard() && ours_stays) return;
            taken_->close();
            changed_its_mind_ = true;
        }
        take(std::move(link));
    }
    void take(Link link) {
        const auto header = runtime_.random.bytes<proto::StreamHeader>();
        auto records = proto::secret_stream(link.keys, header);
        taken_ =
            std::make_shared<Connection>(runtime_.executor, runtime_.clock, std::move(link.stream),
                                         link.keys, std::move(records));
        taken_->start();
        all_->spawn(run(taken_));
    }
    static Task<> run(std::shared_ptr<Connection> connection) {
        auto ended = co_await connection->run();
        (void)ended;
    }

    Runtime runtime_;
    SimulatedDht node_;
    proto::KeyPair keys_;
    Announcer announcer_;
    Dialer dialer_;
    Acceptor acceptor_;
    Tasks* all_ = nullptr;
    std::shared_ptr<Connection> taken_;
    bool changed_its_mind_ = false;
};

Task<> connect(Swarm& from, NodeId to) {
    auto connection = co_await from.connect(to);
    CHECK(connection);
}

Task<> dial_in(Sim& sim, Clock::Span wait, OtherNode& from, NodeId to) {
    auto slept = co_await sim.clock().sleep_for(wait);
    if (slept) co_await from.dial(to);
}

TEST_CASE("a node that takes our dial though it came to us itself is not left without us") {
    int changes = 0;
    for (auto later = 0ms; later < 400ms; later += 10ms) {
        CAPTURE(later.count());
        in_world(3, [&](World& world, Tasks& all) -> Task<> {
            Member& ours = world.add(Reach::open, hold);
            const auto other = std::make_shared<OtherNode>(world.sim, 200, 200);
            world.kept.push_back(other);
            co_await ours.enter(all);
            co_await other->enter(all);
            auto announced = co_await soon(
                world, 20s, [&] { return ours.swarm.announcer().relays().size() == 3; });
            REQUIRE(announced);
            all.spawn(connect(ours.swarm, other->id()));
            all.spawn(dial_in(world.sim, later, *other, ours.swarm.node_id()));
            auto slept = co_await world.sim.clock().sleep_for(4s);
            CHECK(slept);
            REQUIRE(ours.swarm.best(other->id()));
            CHECK_FALSE(ours.swarm.best(other->id())->is_closed());
            REQUIRE(other->taken());
            CHECK_FALSE(other->taken()->is_closed());
            CHECK(other->taken()->handshake_hash() ==
                  ours.swarm.best(other->id())->handshake_hash());
            changes += other->changed_its_mind();
        });
    }
    CHECK(changes > 0);
}

}  // namespace
