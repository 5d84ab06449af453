// Members of a channel in a LAN that is a map in memory, in virtual time.
#include "node/discover/lan.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "node/async/tasks.hpp"
#include "test/sim/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

using Air = std::map<int, LanFound>;  // what each host announces

class AirService final : public LanService {
  public:
    AirService(Air& air, int number) : air_(air), number_(number) {}
    void announce(std::optional<LanOffer> offer) override {
        air_.erase(number_);
        if (!offer) return;
        ++announcements;
        names.insert(offer->name);
        const auto last = static_cast<std::uint8_t>(number_);
        air_[number_] = {offer->txt, {Host(192, 168, 0, last), Host(45, 0, 0, last)}, offer->port};
    }
    std::vector<LanFound> found() override {
        std::vector<LanFound> all;
        for (const auto& [number, found] : air_) all.push_back(found);
        return all;
    }
    std::string trouble() override { return said; }

    std::string said;
    int announcements = 0;
    std::set<std::string> names;

  private:
    Air& air_;
    int number_;
};

ChannelKey key_of(std::uint8_t number) {
    ChannelKey key;
    key.mutable_view()[0] = number;
    return key;
}
NodeId node_of(int number) {
    NodeId node;
    node.mutable_view()[0] = static_cast<std::uint8_t>(number);
    return node;
}
Endpoint place_of(int number) {
    return {{192, 168, 0, static_cast<std::uint8_t>(number)},
            static_cast<std::uint16_t>(5000 + number)};
}

struct Computer {
    Computer(Sim& sim, Air& air, int number, std::vector<ChannelKey> keys)
        : runtime(sim.runtime()),
          service(air, number),
          keys(std::move(keys)),
          lan({.runtime = runtime,
               .service = service,
               .own = node_of(number),
               .port = place_of(number).port,
               .keys = [this] { return this->keys; },
               .own_hosts = [this] { return hosts; },
               .found = [this](std::vector<NearPeer> near) { found = std::move(near), ++changes; },
               .twin = [this](std::vector<Endpoint> at) { twins.push_back(std::move(at)); }}) {
        runtime.log = [this](const char*, const std::string& line) { lines.push_back(line); };
    }

    Runtime runtime;
    AirService service;
    std::vector<ChannelKey> keys;
    Lan lan;
    std::vector<Host> hosts;
    std::vector<NearPeer> found;
    int changes = 0;
    std::vector<std::vector<Endpoint>> twins;
    std::vector<std::string> lines;
};

struct World {
    Computer& add(std::vector<ChannelKey> keys) {
        const int number = static_cast<int>(hosts.size()) + 1;
        hosts.push_back(std::make_unique<Computer>(sim, air, number, std::move(keys)));
        return *hosts.back();
    }
    template <class Test>
    void run(Test test) {
        auto body = [&](Tasks& all) -> Task<> {
            for (auto& host : hosts) all.spawn(host->lan.run());
            co_await test();
            all.cancel();
        };
        auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
        sim.run(root());
    }
    Task<> pass(Clock::Span span) { (void)co_await sim.clock().sleep_for(span); }

    Sim sim{1};
    Air air;
    std::vector<std::unique_ptr<Computer>> hosts;
};

std::vector<NearPeer> only(int number) { return {{node_of(number), {place_of(number)}}}; }

}  // namespace

TEST_CASE("members of a common channel find each other, and nobody else does") {
    World world;
    Computer& one = world.add({key_of(1), key_of(2)});
    Computer& two = world.add({key_of(2)});
    Computer& other = world.add({key_of(3)});
    Computer& idle = world.add({});
    world.run([&]() -> Task<> {
        co_await world.pass(2 * Lan::look_interval);
        CHECK(one.found == only(2));  // at its private address alone
        CHECK(two.found == only(1));
        CHECK(other.found.empty());
        CHECK(idle.found.empty());
        CHECK(idle.service.announcements == 0);
        CHECK(one.changes == 1);
        other.keys.push_back(key_of(1));
        co_await world.pass(2 * Lan::look_interval);
        CHECK(other.found == only(1));
        CHECK(one.found.size() == 2);
        two.keys.clear();
        co_await world.pass(2 * Lan::look_interval);
        CHECK(!world.air.contains(2));
        CHECK(one.found == only(3));
    });
}

TEST_CASE("who is near is at an address of this network") {
    const Host own = *Host::parse("2a00:1:2:3::1");
    const struct {
        Host host;
        bool is_near;
    } rows[] = {
        {Host(192, 168, 0, 2), true},
        {Host(45, 0, 0, 2), false},
        {Host(169, 254, 0, 2), true},
        {*Host::parse("fd00::2"), true},
        {*Host::parse("2a00:1:2:3:4::2"), true},
        {*Host::parse("2a00:1:2:4::2"), false},
        {*Host::parse("fe80::2"), false},
        {Host::parse("fe80::2")->with_zone(3), true},
        {*Host::parse("::1"), false},
    };
    for (const auto& row : rows) {
        const std::string text = row.host.text();
        CAPTURE(text);
        World world;
        Computer& one = world.add({key_of(1)});
        world.add({key_of(1)});
        one.hosts = {own};
        world.run([&]() -> Task<> {
            co_await world.pass(1s);
            world.air.at(2).hosts = {row.host};
            co_await world.pass(2 * Lan::look_interval);
            CHECK(one.found.size() == std::size_t(row.is_near));
        });
    }
}

TEST_CASE("each announcement looks unlike the one before, and like that of one channel") {
    World world;
    std::vector<ChannelKey> many;
    for (std::uint8_t i = 0; i < 40; ++i) many.push_back(key_of(i));
    Computer& host = world.add(many);
    Computer& member = world.add({key_of(7)});
    world.run([&]() -> Task<> {
        std::set<ByteVector> records;
        std::set<proto::LanTag> tags;
        std::size_t met = 0;
        for (int i = 0; i < 40; ++i) {
            co_await world.pass(1s);
            const auto& txt = world.air.at(1).txt;
            CHECK(txt.size() == world.air.at(2).txt.size());
            records.insert(txt);
            const auto shown = proto::decode_lan_announcement(txt);
            REQUIRE(shown);
            tags.insert(shown->tags.begin(), shown->tags.end());
            co_await world.pass(Lan::announcement_life);
            met += !member.found.empty();
        }
        CHECK(records.size() == 40);
        CHECK(tags.size() == 40 * proto::lan_tags);
        CHECK(host.service.names.size() == std::size_t(host.service.announcements));
        CHECK(met > 5);  // of so many channels, each is shown now and then
    });
}

TEST_CASE("what strangers say is bounded and changes nothing") {
    World world;
    Computer& host = world.add({key_of(1)});
    Computer& copied = world.add({key_of(1)});
    world.run([&]() -> Task<> {
        co_await world.pass(1s);
        LanFound copy = world.air.at(2);
        for (int i = 10; i < 200; ++i) {  // members, as far as can be told
            proto::LanAnnouncement shown{node_of(i), proto::LanSalt(), {}};
            shown.tags[0] = proto::lan_tag(key_of(1), shown.salt, shown.node);
            world.air[i] = {proto::encode(shown), {Host(10, 0, 0, 1)}, 1};
        }
        world.air[3] = {ByteVector(5000), {Host(10, 0, 0, 1)}, 1};
        world.air[4] = {copy.txt, {Host(45, 0, 0, 9), Host(127, 0, 0, 1)}, 1};
        world.air[5] = {copy.txt, {Host(192, 168, 0, 9)}, 0};
        co_await world.pass(2 * Lan::look_interval);
        CHECK(host.found.size() == Lan::max_near);
        for (const NearPeer& peer : host.found)
            if (peer.node == node_of(2)) CHECK(peer.places == only(2)[0].places);
        CHECK(copied.found.size() == Lan::max_near);
    });
}

TEST_CASE("that there is no daemon is said once") {
    World world;
    Computer& host = world.add({key_of(1)});
    host.service.said = "no daemon";
    world.run([&]() -> Task<> {
        co_await world.pass(1h);
        CHECK(host.lines == std::vector<std::string>{"nobody is looked for in the LAN: no daemon"});
    });
}

TEST_CASE("where another announces our own key is told once for each of its announcements") {
    World world;
    Computer& host = world.add({key_of(1)});
    Computer& copied = world.add({key_of(1)});
    world.run([&]() -> Task<> {
        co_await world.pass(1s);
        const auto announce = [&] {
            proto::LanAnnouncement shown{
                node_of(1), host.runtime.random.bytes<proto::LanSalt>(), {}};
            world.air[3] = {proto::encode(shown), {Host(192, 168, 0, 3), Host(45, 0, 0, 3)}, 5003};
        };
        announce();
        co_await world.pass(10 * Lan::look_interval);
        CHECK(host.twins == std::vector<std::vector<Endpoint>>{{place_of(3)}});
        announce();
        co_await world.pass(10 * Lan::look_interval);
        CHECK(host.twins.size() == 2);
        co_await world.pass(5 * Lan::announcement_life);  // its own are none
        CHECK(host.twins.size() == 2);
        CHECK(copied.twins.empty());
    });
}
