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

constexpr const char* proxy_variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
                                           "ALL_PROXY",   "no_proxy",    "NO_PROXY"};

}  // namespace

TEST_CASE("a relay is reached through the proxy that curl would take") {
    using Variables = std::vector<std::pair<const char*, const char*>>;
    struct Row {
        Variables variables;
        const char* proxy;  // null: a mistake
        const char* words = "";
    };
    const Row rows[] = {
        {{}, ""},
        {{{"HTTPS_PROXY", "http://upper"}}, "upper:80"},
        {{{"https_proxy", "lower:3128"}, {"HTTPS_PROXY", "http://upper"}}, "lower:3128"},
        {{{"ALL_PROXY", "http://all"}}, "all:80"},
        {{{"all_proxy", "http://lower"}, {"ALL_PROXY", "http://all"}}, "lower:80"},
        {{{"https_proxy", ""}, {"all_proxy", "http://all"}}, "all:80"},
        {{{"HTTPS_PROXY", "http://upper"}, {"all_proxy", "http://all"}}, "upper:80"},
        {{{"all_proxy", "http://all"}, {"NO_PROXY", ".example"}}, ""},
        {{{"all_proxy", "socks5h://all"}}, "all:1080"},
        {{{"https_proxy", "socks5://a"}, {"all_proxy", "http://all"}}, "a:1080"},
        {{{"all_proxy", "socks4://all"}}, "", "all_proxy is not used: of SOCKS version 5"},
        {{{"https_proxy", "socks4://a"}, {"all_proxy", "http://all"}},
         nullptr,
         "https_proxy takes"},
    };
    std::vector<std::pair<const char*, std::string>> had;
    for (const char* name : proxy_variables)
        if (const char* value = std::getenv(name)) had.emplace_back(name, value);
    for (const Row& row : rows) {
        for (const char* name : proxy_variables) ::unsetenv(name);
        for (const auto& [name, value] : row.variables) ::setenv(name, value, 1);
        std::string why;
        const auto route = relay_route(*RelayUrl::parse(numbered(1)), why);
        CHECK(bool(route) == bool(row.proxy));
        if (route && row.proxy)
            CHECK((route->proxy ? route->proxy->address.text() : std::string()) == row.proxy);
        CHECK(why.starts_with(row.words));
        CHECK(why.empty() == std::string_view(row.words).empty());
    }
    for (const char* name : proxy_variables) ::unsetenv(name);
    for (const auto& [name, value] : had) ::setenv(name, value.c_str(), 1);
}

TEST_CASE("relays that members use are kept, the latest first, if they have TLS") {
    test::run(learn_and_keep());
}
