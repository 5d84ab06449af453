// When a router is asked, in virtual time, by a router that is a few fields.
#include "node/mapping/keeper.hpp"

#include <doctest/doctest.h>

#include "node/async/tasks.hpp"
#include "proto/outcome.hpp"
#include "test/sim/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

const Host public_host{45, 0, 0, 1}, other_public_host{45, 0, 0, 2}, carrier_host{100, 64, 0, 1};

class FakeRouter final : public PortMapper {
  public:
    explicit FakeRouter(Clock& clock) : clock_(clock) {}

    Task<Result<Mapping>> map(MappingWish wish) override {
        ++asked;
        wishes.push_back(wish);
        if (slow) (void)co_await clock_.sleep_for(*slow);
        if (trouble) co_return trouble;
        Mapping mapping;
        mapping.router = "192.168.0.1";
        mapping.external = external;
        mapping.udp_port = udp_port ? udp_port : wish.udp_port;
        if (wish.external_udp_port) mapping.udp_port = wish.external_udp_port;
        mapping.tcp_port = wish.tcp_port;
        mapping.lifetime = lifetime;
        until = clock_.now() + lifetime;
        co_return mapping;
    }
    Task<Result<void>> unmap() override {
        ++unmapped;
        until = {};
        co_return ok;
    }

    Host external = public_host;
    std::uint16_t udp_port = 0;  // it forwards instead of what was asked for; 0: that
    std::chrono::seconds lifetime{3600};
    std::error_code trouble;
    std::optional<Clock::Span> slow;
    int asked = 0, unmapped = 0;
    std::vector<MappingWish> wishes;
    Clock::Time until{};

  private:
    Clock& clock_;
};

struct Story {
    explicit Story(Sim& sim)
        : sim(sim),
          runtime(sim.runtime()),
          router(sim.clock()),
          keeper(runtime, router, {.local = Host(), .udp_port = 49737, .tcp_port = 49737},
                 [this] { ++changes; }) {
        runtime.log = [this](const char*, const std::string& line) { lines.push_back(line); };
    }
    void start() { all->spawn(keeper.run()); }
    Task<> pass(Clock::Span span) { (void)co_await sim.clock().sleep_for(span); }

    Sim& sim;
    Runtime runtime;
    FakeRouter router;
    MappingKeeper keeper;
    Tasks* all = nullptr;
    int changes = 0;
    std::vector<std::string> lines;
};

// Runs `test`, which starts the keeper.
template <class Test>
void tell(Test test) {
    Sim sim(1);
    Story story(sim);
    auto body = [&](Tasks& all) -> Task<> {
        story.all = &all;
        co_await test(story);
        all.cancel();
    };
    auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
    sim.run(root());
}

}  // namespace

TEST_CASE("a mapping is asked for at once and renewed before it ends") {
    for (const auto lifetime : {60s, 600s, 3600s, 0s}) {
        CAPTURE(lifetime.count());
        tell([&](Story& story) -> Task<> {
            story.router.lifetime = lifetime;
            story.start();
            for (int minutes = 0; minutes < 180; ++minutes) {
                co_await story.pass(1min);
                REQUIRE(story.keeper.mapping());
                CHECK(story.keeper.mapping()->udp() == Endpoint{public_host, 49737});
                if (lifetime != 0s) CHECK(story.sim.clock().now() < story.router.until);
            }
            CHECK(story.changes == 1);
            CHECK(story.lines.size() == 1);
            CHECK(story.router.asked < 400);
        });
    }
}

TEST_CASE("a router that grants next to no time is not asked all the time") {
    tell([](Story& story) -> Task<> {
        story.router.lifetime = 1s;
        story.start();
        co_await story.pass(10min);
        CHECK(story.router.asked <= 61);
    });
}

TEST_CASE("whoever is elsewhere has no mapping, and asks at once") {
    tell([](Story& story) -> Task<> {
        story.start();
        co_await story.pass(10s);
        REQUIRE(story.keeper.mapping());
        const int asked = story.router.asked;
        story.router.external = other_public_host;
        story.router.slow = 2s;
        story.keeper.moved();
        CHECK(!story.keeper.mapping());
        co_await story.pass(1s);
        CHECK(story.router.asked == asked + 1);
        CHECK(!story.keeper.mapping());
        story.keeper
            .moved();  // again, while a router is asked: its answer is about another network
        co_await story.pass(1500ms);
        CHECK(!story.keeper.mapping());
        co_await story.pass(2s);
        REQUIRE(story.keeper.mapping());
        CHECK(story.keeper.mapping()->udp() == Endpoint{other_public_host, 49737});
        CHECK(story.router.asked == asked + 2);
    });
}

TEST_CASE("a router that was restarted, or has another address, is noticed") {
    tell([](Story& story) -> Task<> {
        story.router.udp_port = 5000;
        story.start();
        co_await story.pass(1min);
        REQUIRE(story.keeper.mapping());
        CHECK(story.keeper.mapping()->udp_port == 5000);
        story.router.until = {};  // it has forgotten all
        story.router.external = other_public_host;
        co_await story.pass(MappingKeeper::renewal);
        CHECK(story.router.until > story.sim.clock().now());
        CHECK(story.keeper.mapping()->udp() == Endpoint{other_public_host, 5000});
        CHECK(story.router.wishes.back().external_udp_port == 5000);
        CHECK(story.changes == 2);
    });
}

TEST_CASE("what a silent router has granted is held until it ends, what it refuses is not") {
    for (const bool refuses : {false, true}) {
        CAPTURE(refuses);
        tell([&](Story& story) -> Task<> {
            story.start();
            co_await story.pass(1s);
            story.router.trouble = refuses ? Errc::refused : Errc::timed_out;
            co_await story.pass(10min);
            CHECK(story.keeper.mapping().has_value() == !refuses);
            co_await story.pass(1h);
            CHECK(!story.keeper.mapping());
            CHECK(story.changes == 2);
            story.router.trouble.clear();
            co_await story.pass(MappingKeeper::longest_pause);
            CHECK(story.keeper.mapping());
            CHECK(story.changes == 3);
        });
    }
}

TEST_CASE("where there is no router it is asked for ever more seldom, and said once") {
    tell([](Story& story) -> Task<> {
        story.router.trouble = Errc::not_found;
        story.start();
        co_await story.pass(1h);
        const int first = story.router.asked;
        CHECK(first < 10);
        co_await story.pass(23h);
        CHECK(story.router.asked - first <= 47);
        CHECK(story.changes == 0);
        CHECK(story.lines == std::vector<std::string>{"no router here forwards ports on request"});
    });
}

TEST_CASE("a mapping behind a provider's NAT is none of the Internet") {
    tell([](Story& story) -> Task<> {
        for (const Host& host : {carrier_host, Host(192, 168, 1, 1), Host()}) {
            story.router.external = host;
            if (host == carrier_host) story.start();
            co_await story.pass(MappingKeeper::renewal);
            REQUIRE(story.keeper.mapping());
            CHECK(!story.keeper.mapping()->udp());
            CHECK(!story.keeper.mapping()->tcp());
            CHECK(story.keeper.words().find("another NAT") != std::string::npos);
        }
        CHECK(story.changes == 1);
    });
}

TEST_CASE("at the end the mapping is taken back, and none is asked for any more") {
    for (const bool while_asking : {false, true}) {
        CAPTURE(while_asking);
        tell([&](Story& story) -> Task<> {
            if (while_asking) story.router.slow = 5s;
            story.start();
            co_await story.pass(1s);
            auto done = co_await story.keeper.farewell();
            CHECK(done);
            CHECK(story.router.unmapped == 1);
            co_await story.pass(3h);
            CHECK(story.router.asked == 1);
        });
    }
}
