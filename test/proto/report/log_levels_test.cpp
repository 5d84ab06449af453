#include "proto/report/log_levels.hpp"

#include <doctest/doctest.h>

using namespace kp2p;

TEST_CASE("a level holds for all rooms but those that are named") {
    std::string complaint;
    const auto levels = LogLevels::parse("warning,dht=debug,api=error", complaint);
    REQUIRE(levels);
    CHECK(levels->admit(LogLevel::warning, "swarm"));
    CHECK_FALSE(levels->admit(LogLevel::info, "swarm"));
    CHECK(levels->admit(LogLevel::debug, "dht"));
    CHECK_FALSE(levels->admit(LogLevel::warning, "api"));
    CHECK(levels->admit(LogLevel::error, "api"));
    const auto rooms = LogLevels::parse("dht=debug", complaint);
    REQUIRE(rooms);
    CHECK(rooms->least == LogLevel::info);
}

TEST_CASE("what is no level is refused") {
    for (const std::string& text :
         {std::string(), std::string("loud"), std::string("info,"), std::string("dht="),
          std::string("=info"), std::string("DHT=info"), std::string("info dht=debug"),
          std::string("info,nope=debug")}) {
        CAPTURE(text);
        std::string complaint;
        CHECK(LogLevels::parse(text, complaint).error() == Errc::usage);
        CHECK(complaint.find("api, daemon, dht") != complaint.npos);
    }
}
