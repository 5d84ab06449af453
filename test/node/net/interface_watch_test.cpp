// What is said of this computer's addresses.
#include "node/net/interface_watch.hpp"

#include <doctest/doctest.h>

#include "node/async/event.hpp"
#include "node/async/tasks.hpp"
#include "test/run.hpp"
#include "test/sim/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

using Change = InterfaceWatch::Change;

const Host home(192, 168, 1, 7), phone(10, 0, 0, 3), docker(172, 17, 0, 1);

struct Step {
    const char* name;
    Whereabouts to;
    std::optional<Change> change;
};

const Step walk[] = {
    {"nothing, though a word came", {{home}, home}, std::nullopt},
    {"another interface", {{docker, home}, home}, Change::some},
    {"the cable is pulled", {{docker}, std::nullopt}, Change::some},
    {"it is plugged in again", {{docker, home}, home}, Change::some},
    {"carried elsewhere", {{phone}, phone}, Change::way_out},
    {"away", {{}, std::nullopt}, Change::some},
    {"and back home", {{home}, home}, Change::way_out},
};

}  // namespace

TEST_CASE("a look tells a computer that moved from one that was away or has one address more") {
    Sim sim(1);
    Whereabouts now{{home}, home};
    int words = 0;
    Event word(sim.loop().get_executor());
    InterfaceWatch watch(
        sim.clock(), [&] { return now; },
        [&]() -> Task<Result<void>> {
            while (words == 0) {
                auto woken = co_await word.wait();
                if (!woken) co_return woken;
            }
            words = 0;
            co_return ok;
        });
    std::vector<Change> changes;
    auto body = [&](Tasks& all) -> Task<> {
        auto listen = [&]() -> Task<> {
            for (;;) {
                auto change = co_await watch.changed();
                if (!change) co_return;
                changes.push_back(*change);
            }
        };
        all.spawn(listen());
        for (const Step& step : walk) {
            CAPTURE(std::string(step.name));
            changes.clear();
            now = step.to;
            for (int i = 0; i < 3; ++i) {  // the system says it more than once
                ++words;
                word.notify_all();
                auto slept = co_await sim.clock().sleep_for(10ms);
                CHECK(slept);
            }
            auto slept = co_await sim.clock().sleep_for(2s);
            CHECK(slept);
            CHECK(changes.size() == (step.change ? 1 : 0));
            if (step.change && !changes.empty()) CHECK(changes.front() == *step.change);
        }
        all.cancel();
    };
    auto root = [&]() -> Task<> { (void)co_await with_tasks(body); };
    sim.run(root());
}

TEST_CASE("the machine's addresses are those of its interfaces") {
    auto story = []() -> Task<> {
        auto executor = co_await asio::this_coro::executor;
        const Whereabouts here = whereabouts(executor);
        CHECK(std::ranges::is_sorted(here.hosts));
        if (here.way_out)
            CHECK((here.way_out->is_loopback() ||
                   std::ranges::find(here.hosts, *here.way_out) != here.hosts.end()));
    };
    run(story());
}
