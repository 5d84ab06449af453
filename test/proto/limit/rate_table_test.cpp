#include "proto/limit/rate_table.hpp"

#include <doctest/doctest.h>

using kp2p::proto::RateTable;

namespace {

constexpr int minute_at(int day, int hour, int minute) { return (day * 24 + hour) * 60 + minute; }

RateTable rate_table(const char* text) {
    std::string complaint;
    auto read = RateTable::parse(text, complaint);
    CAPTURE(complaint);
    REQUIRE(read);
    return *read;
}

}  // namespace

TEST_CASE("a rate alone holds always") {
    for (const auto& [text, rate] :
         {std::pair("5M", 5'000'000ull), std::pair("800K", 800'000ull),
          std::pair("1.5 MB/s", 1'500'000ull), std::pair("64KiB/s", 65'536ull)}) {
        CAPTURE(text);
        const RateTable read = rate_table(text);
        CHECK(read.at(0) == rate);
        CHECK(read.at(RateTable::minutes_per_week - 1) == rate);
        CHECK(read.text() == text);
        CHECK_FALSE(read.changes());
    }
    CHECK_FALSE(rate_table("none").at(0));
    CHECK_FALSE(rate_table("off").at(0));
    CHECK_FALSE(RateTable().at(0));
    CHECK(RateTable().text() == "none");
}

TEST_CASE("an entry of a timetable holds until the next, over midnight and the week's end") {
    const RateTable daily = rate_table("08:00,500K  19:30,none");
    CHECK(daily.changes());
    CHECK(daily.text() == "08:00,500K 19:30,none");
    for (int day : {0, 3, 6}) {
        CHECK_FALSE(daily.at(minute_at(day, 7, 59)));
        CHECK(daily.at(minute_at(day, 8, 0)) == 500'000u);
        CHECK(daily.at(minute_at(day, 19, 29)) == 500'000u);
        CHECK_FALSE(daily.at(minute_at(day, 19, 30)));
    }
    const RateTable weekly = rate_table("Mon-08:00,1M fri-18:00,9M");
    CHECK(weekly.at(minute_at(0, 12, 0)) == 9'000'000u);  // Sunday
    CHECK(weekly.at(minute_at(1, 8, 0)) == 1'000'000u);
    CHECK(weekly.at(minute_at(5, 17, 59)) == 1'000'000u);
    CHECK(weekly.at(minute_at(6, 0, 0)) == 9'000'000u);
}

TEST_CASE("of two entries that begin at once the later holds") {
    const RateTable read = rate_table("08:00,1M Sat-08:00,none");
    CHECK(read.at(minute_at(5, 9, 0)) == 1'000'000u);
    CHECK_FALSE(read.at(minute_at(6, 9, 0)));
}

TEST_CASE("what is no rate is refused, with a reason") {
    std::string many;
    for (std::size_t i = 0; i <= RateTable::max_entries; ++i) many += "08:00,1M ";
    for (const std::string& text :
         {std::string(), std::string(" "), std::string("fast"), std::string("-5M"),
          std::string("9999"), std::string("0"), std::string("08:00"), std::string("8:00,1M"),
          std::string("24:00,1M"), std::string("08:60,1M"), std::string("Foo-08:00,1M"),
          std::string("08:00,1M 5M"), std::string("08:00,"), std::string("08:00,1"), many}) {
        CAPTURE(text);
        std::string complaint;
        const auto read = RateTable::parse(text, complaint);
        REQUIRE_FALSE(read);
        CHECK(read.error() == kp2p::Errc::usage);
        CHECK_FALSE(complaint.empty());
    }
}
