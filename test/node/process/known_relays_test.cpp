#include "node/process/known_relays.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

#include "node/async/tasks.hpp"
#include "test/run.hpp"
#include "test/runtime.hpp"
#include "test/temp_dir.hpp"

using namespace kp2p;
using namespace kp2p::test;

namespace {

using proto::tunnel::RelayUrl;

std::string numbered(int number) {
    return "https://relay" + std::to_string(number) + ".example/#secret-token-" +
           std::to_string(number);
}

Task<> learn_and_keep() {
    RealRuntime real(co_await asio::this_coro::executor);
    TempDir temp;
    std::string why;
    auto config = *ConfigDir::open(temp.path() / "config", real.random, why);
    Tunnels tunnels(real.runtime);
    LearntRelays learnt(real.runtime, *config, tunnels);
    CHECK_FALSE(tunnels.has_relays());
    learnt.hear(
        {"", "http://relay.example/#secret-without-tls", "https://relay.example/", "nonsense"});
    CHECK_FALSE(tunnels.has_relays());
    for (int i = 0; i < 10; ++i) learnt.hear({numbered(i)});
    learnt.hear({numbered(5)});
    CHECK(tunnels.has_relays());
    auto kept = co_await with_tasks([&](Tasks& all) -> Task<> {
        all.spawn(learnt.keep_loop());
        while (config->learnt_relays().empty()) {
            auto slept = co_await real.clock.sleep_for(std::chrono::milliseconds(1));
            REQUIRE(slept);
        }
        all.cancel();
    });
    (void)kept;
    std::vector<std::string> texts;
    for (const RelayUrl& url : config->learnt_relays()) texts.push_back(url.text());
    std::vector<std::string> expected;
    for (const int number : {5, 9, 8, 7, 6, 4, 3, 2}) expected.push_back(numbered(number));
    CHECK(texts == expected);
    Tunnels later(real.runtime);
    const LearntRelays again(real.runtime, *config, later);
    CHECK(later.place() == RelayUrl::parse(numbered(5))->place());
}

}  // namespace

TEST_CASE("relays that members use are kept, the latest first, if they have TLS") {
    test::run(learn_and_keep());
}
