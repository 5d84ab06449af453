#include "node/log/limiter.hpp"

#include <doctest/doctest.h>

using namespace kp2p;
using namespace std::chrono_literals;

namespace {

const LogLimiter::Time start{1000h};

LogLine about(int number) {
    return {LogLevel::info, "swarm", "connected to ab" + std::to_string(number) + " at once"};
}

}  // namespace

TEST_CASE("of many lines that are alike few come through, and the rest are counted") {
    LogLimiter limiter;
    int admitted = 0;
    for (int i = 0; i < 4000; ++i) admitted += limiter.admits(start + i * 10ms, about(i));
    CHECK(admitted >= LogLimiter::burst);
    CHECK(admitted <= LogLimiter::burst + 40s / LogLimiter::pace);
    REQUIRE(limiter.deadline());
    CHECK(limiter.summaries(start + 1min - 1s).empty());
    const auto said = limiter.summaries(*limiter.deadline());
    REQUIRE(said.size() == 1);
    CHECK(said[0].room == "swarm");
    CHECK(said[0].text == std::to_string(4000 - admitted) +
                              " more like this, the last: connected to ab3999 at once");
    CHECK(!limiter.deadline());
    CHECK(limiter.summaries(start + 1h, true).empty());
}

TEST_CASE("what is left out is said at the end too") {
    LogLimiter limiter;
    for (int i = 0; i <= LogLimiter::burst; ++i) (void)limiter.admits(start, about(i));
    CHECK(limiter.summaries(start).empty());
    CHECK(limiter.summaries(start, true).size() == 1);
}

TEST_CASE("other lines, and after a while the same again, come through a flood") {
    LogLimiter limiter;
    for (int i = 0; i < 1000; ++i) (void)limiter.admits(start, about(i));
    CHECK(!limiter.admits(start, about(1)));
    CHECK(limiter.admits(start, {LogLevel::info, "swarm", "closing"}));
    CHECK(limiter.admits(start, {LogLevel::info, "share", about(1).text}));
    CHECK(limiter.admits(start + LogLimiter::pace, about(1)));
    CHECK(!limiter.admits(start + LogLimiter::pace, about(1)));
}

TEST_CASE("errors always come through") {
    LogLimiter limiter;
    for (int i = 0; i < 1000; ++i)
        CHECK(limiter.admits(start, {LogLevel::error, "daemon", "cannot write"}));
}

TEST_CASE("kinds without end count as one") {
    LogLimiter limiter;
    int admitted = 0;
    for (int i = 0; i < 10000; ++i) {
        std::string word(10, 'a');
        for (int rest = i, at = 0; rest > 0; rest /= 26) word[at++] = char('a' + rest % 26);
        admitted += limiter.admits(start, {LogLevel::info, "swarm", word});
    }
    CHECK(admitted <= int(LogLimiter::max_kinds) + LogLimiter::burst);
    CHECK(limiter.summaries(start, true).size() == 1);
}
