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
    std::string many;
    for (char a = 'a'; a <= 'z'; ++a)
        for (char b : {'a', 'b'}) many += std::string({a, b}) + "=info,";
    for (const std::string& text :
         {std::string(), std::string("loud"), std::string("info,"), std::string("dht="),
          std::string("=info"), std::string("DHT=info"), std::string("info dht=debug"),
          many + "info"}) {
        CAPTURE(text);
        std::string complaint;
        CHECK(LogLevels::parse(text, complaint).error() == Errc::usage);
        CHECK_FALSE(complaint.empty());
    }
}
