// What names stand for, asked of a resolver of the test's own.
#include <doctest/doctest.h>

#include <future>

#include "node/net/address.hpp"
#include "node/net/interfaces.hpp"
#include "proto/outcome.hpp"
#include "test/run.hpp"
#include "test/runtime.hpp"

using namespace kp2p;
using namespace std::chrono_literals;

namespace {

using Hosts = std::vector<Host>;

NameQuestion question_of(std::string name, Result<Hosts> answer) {
    NameQuestion question{std::move(name)};
    question.ask = [answer](const std::string&) { return answer; };
    return question;
}

Task<> one_hangs() {
    test::RealRuntime real(co_await asio::this_coro::executor);
    const auto end = std::make_shared<std::promise<void>>();
    std::shared_future<void> ended = end->get_future().share();
    NameQuestion hangs{"hangs", 50ms};
    hangs.ask = [ended](const std::string&) -> Result<Hosts> {
        ended.wait();
        return Hosts{Host(10, 0, 0, 1)};
    };
    auto none = co_await hosts_of(real.clock, hangs);
    CHECK(none.error() == Errc::timed_out);
    NameQuestion answers = question_of("answers", Hosts{Host(10, 0, 0, 2)});
    auto found = co_await hosts_of(real.clock, std::move(answers));  // while the other hangs
    REQUIRE(found);
    CHECK(*found == Hosts{Host(10, 0, 0, 2)});
    end->set_value();  // nobody waits for that any more
}

Task<> odd_answers() {
    test::RealRuntime real(co_await asio::this_coro::executor);
    const Host v6 = *Host::parse("2001:db8::1"), other_v6 = *Host::parse("2001:db8::2");
    const Host v4(192, 0, 2, 1), other_v4(192, 0, 2, 2);
    const struct {
        Hosts given, found;
    } rows[] = {
        {{v6, other_v6, v4, other_v4}, {v6, v4, other_v6, other_v4}},
        {{v4, v4, v6}, {v4, v6}},
        {{Host(), v4, Host::any_v6()}, {v4}},  // as lists have it that block a host
        {{Host(255, 255, 255, 255), Host(224, 0, 0, 1), v6}, {v6}},
    };
    for (const auto& row : rows) {
        NameQuestion question = question_of("name", row.given);
        auto found = co_await hosts_of(real.clock, std::move(question));
        REQUIRE(found);
        CHECK(*found == row.found);
    }
    for (const Hosts& none : {Hosts(), Hosts{Host()}}) {
        NameQuestion question = question_of("name", none);
        auto found = co_await hosts_of(real.clock, std::move(question));
        CHECK(name_words("name", found.error()) == "name has no address");
    }
}

}  // namespace

TEST_CASE("a name about which nobody answers holds up no other") { test::run(one_hangs()); }
TEST_CASE("addresses come by turns, and without those that nobody is at") {
    test::run(odd_answers());
}

TEST_CASE("why there is no address is said") {
    CHECK(name_words("a", Errc::timed_out) == "no name server answers for a");
    const auto again = make_error_code(asio::error::host_not_found_try_again);
    CHECK(name_words("a", again) == "no name server answers for a");
    const auto waiting = make_error_code(asio::error::operation_aborted);
    CHECK(name_words("a", waiting) == "no name server answers for a");
    CHECK(*ask_resolver("127.0.0.1") == Hosts{Host(127, 0, 0, 1)});
    CHECK(name_words("b", ask_resolver("name.invalid.").error()).find("b") != std::string::npos);
}

TEST_CASE("addresses that no socket should be bound to") {
    CHECK(why_never_bound(Host(224, 0, 0, 1)).find("multicast") != std::string::npos);
    CHECK(why_never_bound(*Host::parse("ff02::1")).find("multicast") != std::string::npos);
    CHECK(why_never_bound(Host(255, 255, 255, 255)).find("broadcast") != std::string::npos);
    CHECK(why_never_bound(*Host::parse("fe80::1")).find("link-local") != std::string::npos);
    for (const char* text : {"0.0.0.0", "::", "127.0.0.2", "::1", "10.0.0.1", "169.254.0.1"})
        CHECK(why_never_bound(*Host::parse(text)).empty());
}
