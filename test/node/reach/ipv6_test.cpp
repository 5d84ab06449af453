#include <doctest/doctest.h>

#include "node/async/tasks.hpp"
#include "node/reach/ipv6_door.hpp"
#include "proto/outcome.hpp"
#include "test/node/dht/simulated_dht.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

Endpoint place(const char* text) { return *Endpoint::parse(text); }

struct House {  // with a firewall, as every router has one
    House(Sim& sim, const char* at) : node(sim, place(at), {}), door(sim.runtime(), node.dht) {
        sim.firewall(place(at));
    }
    SimulatedDht node;
    Ipv6Door door;
};

template <class Story>
void between_houses(Story story) {
    Sim sim(5);
    House here(sim, "[2a45:0:1::1]:49737"), there(sim, "[2a45:0:2::1]:49737");
    const auto body = [&](Tasks& all) -> Task<> {
        all.spawn(here.node.dht.run());
        all.spawn(there.node.dht.run());
        co_await story(sim, here, there, all);
        all.cancel();
    };
    const auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
    sim.run(root());
}

}  // namespace

TEST_CASE("two firewalls let each other's nodes in when both knock, and only then") {
    for (const bool both : {true, false}) {
        CAPTURE(both);
        between_houses([both](Sim& sim, House& here, House& there, Tasks& all) -> Task<> {
            if (both) all.spawn(there.door.knock({here.node.address}));
            const auto began = sim.clock().now();
            std::vector<Endpoint> said{place("[2a45:0:3::1]:1"), there.node.address};
            auto path = co_await here.door.meet(std::move(said));
            CHECK(bool(path) == both);
            if (!path) CHECK(path.error() == Errc::timed_out);
            if (path) {
                CHECK(path->remote == there.node.address);
                CHECK(path->socket == &here.node.server.socket());
                CHECK(sim.clock().now() - began < 500ms);
            }
        });
    }
}

TEST_CASE("what knocks from elsewhere is no path, and who is knocked at for nothing hears little") {
    between_houses([](Sim& sim, House& here, House& there, Tasks& all) -> Task<> {
        const auto foreign = sim.open(place("[2a45:0:3::1]:49737"));
        std::vector<Sim::Sent> sent;
        sim.record(sent);
        all.spawn(here.door.knock({foreign->local()}));  // so that it is let in
        const ByteVector knock{0};
        sim.clock().at(sim.clock().now() + 100ms, [&] { foreign->send(here.node.address, knock); });
        std::vector<Endpoint> said{there.node.address};
        auto path = co_await here.door.meet(std::move(said));
        CHECK(!path);
        std::size_t datagrams = 0, bytes = 0;
        for (const Sim::Sent& one : sent) {
            if (one.from != here.node.address || one.to != there.node.address) continue;
            ++datagrams;
            bytes += one.bytes.size();
        }
        CHECK(datagrams == 4);
        CHECK(bytes == 4);
    });
}

TEST_CASE("of the addresses that are said, two that may lead there are looked at") {
    between_houses([](Sim& sim, House& here, House&, Tasks&) -> Task<> {
        const Endpoint good = place("[2a45:0:2::1]:5"), local = place("[fd00::1]:5");
        CHECK(here.door.places({good, local}) == std::vector{good, local});
        CHECK(here.door.places({good, local, place("[2a45:0:2::2]:5")}).size() == 2);
        for (const char* nowhere : {"[fe80::1]:5", "[::1]:5", "[::]:5", "[ff02::1]:5",
                                    "[2a45:0:2::1]:0", "1.2.3.4:5", "[2001:db8::1]:5"}) {
            CAPTURE(nowhere);
            CHECK(here.door.places({place(nowhere), good}) == std::vector{good});
        }
        SimulatedDht old(sim, host_of(1), {});
        CHECK(Ipv6Door(sim.runtime(), old.dht).places({good}).empty());
        co_return;
    });
}
