#include "node/log/line.hpp"

#include <doctest/doctest.h>

using namespace kp2p;

namespace {

const std::chrono::system_clock::time_point moment{std::chrono::seconds(1'800'000'000)};

std::string as(LogFormat format, LogLevel level, const std::string& text) {
    return written({level, "swarm", text}, format, moment);
}

}  // namespace

TEST_CASE("a line has its time, level and room") {
    CHECK(as(LogFormat::text, LogLevel::warning, "no \"way\"") ==
          "2027-01-15T08:00:00Z warning swarm: no \"way\"\n");
    CHECK(as(LogFormat::json, LogLevel::info, "no \"way\"") ==
          "{\"time\":\"2027-01-15T08:00:00Z\",\"level\":\"info\",\"room\":\"swarm\","
          "\"message\":\"no \\\"way\\\"\"}\n");
    CHECK(as(LogFormat::journald, LogLevel::debug, "way") == "<7>swarm: way\n");
    CHECK(as(LogFormat::journald, LogLevel::info, "way") == "<6>swarm: way\n");
    CHECK(as(LogFormat::journald, LogLevel::warning, "way") == "<4>swarm: way\n");
    CHECK(as(LogFormat::journald, LogLevel::error, "way") == "<3>swarm: way\n");
}

TEST_CASE("what others say begins no line, and is text") {
    for (const auto format : {LogFormat::text, LogFormat::json, LogFormat::journald}) {
        const std::string line =
            as(format, LogLevel::info, "a\n<0>b\x1b[2J\x7f\xff\xc2\x9b \xc3\xa4");
        CHECK(line.find('\n') == line.size() - 1);
        CHECK(line.find("a?<0>b?[2J??? \xc3\xa4") != line.npos);
    }
}
