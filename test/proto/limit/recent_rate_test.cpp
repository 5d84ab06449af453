#include "proto/limit/recent_rate.hpp"

#include <doctest/doctest.h>

using kp2p::proto::RecentRate;
using std::chrono::milliseconds;

TEST_CASE("a rate is that of the last five seconds") {
    RecentRate rate;
    RecentRate::Time now{};
    CHECK(rate.per_second(now) == 0);
    std::uint64_t total = 700;  // what was there before does not count
    for (int i = 0; i < 100; ++i) {
        rate.at(now, total);
        now += milliseconds(100);
        total += 100;
    }
    CHECK(rate.per_second(now) == doctest::Approx(1000).epsilon(0.03));
    for (int i = 0; i < 50; ++i) {  // three times as fast
        rate.at(now, total);
        now += milliseconds(100);
        total += 300;
    }
    CHECK(rate.per_second(now) == doctest::Approx(3000).epsilon(0.03));
    now += milliseconds(5000);  // and nothing any more
    CHECK(rate.per_second(now) == 0);
    rate.at(now, 5);  // something else
    CHECK(rate.per_second(now) == 0);
}
