#include "proto/duration.hpp"

#include <doctest/doctest.h>

using namespace kp2p;
using namespace std::chrono_literals;

TEST_CASE("a time is read as people write it") {
    std::string complaint;
    const std::pair<const char*, std::chrono::seconds> right[] = {
        {"0", 0s},  {"90", 90s}, {"90s", 90s}, {"15m", 15min},
        {"2h", 2h}, {"1d", 24h}, {"30d", 720h}};
    for (const auto& row : right) {
        const std::string text = row.first;
        CAPTURE(text);
        const auto read = proto::Duration::parse(text, complaint);
        REQUIRE(read);
        CHECK(read->span == row.second);
    }
    CHECK(complaint.empty());
    for (const char* wrong : {"", "s", "-1", "1.5h", "1 h", "31d", "2592001", "h2", "1w",
                              "99999999999999999999", "9223372036854775807d"}) {
        CAPTURE(std::string(wrong));
        complaint.clear();
        CHECK(proto::Duration::parse(wrong, complaint).error() == kp2p::Errc::usage);
        CHECK(!complaint.empty());
    }
}
