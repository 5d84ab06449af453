#include "proto/number.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using kp2p::parse_number;

TEST_CASE("a number is a whole text of digits, in range") {
    CHECK(parse_number<std::uint16_t>("0") == 0);
    CHECK(parse_number<std::uint16_t>("65535") == 65535);
    CHECK(parse_number<int>("-7") == -7);
    for (const char* text :
         {"", " 1", "1 ", "+1", "-1", "65536", "0x10", "1e3", "99999999999999999999"}) {
        CAPTURE(text);
        CHECK(!parse_number<std::uint16_t>(text));
    }
}
