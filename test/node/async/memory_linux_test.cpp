#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "node/async/memory.hpp"

using namespace kp2p;

namespace {

int resident_of_files_kib() {
    std::ifstream status("/proc/self/status");
    std::string word;
    int kib = 0;
    while (status >> word)
        if (word == "RssFile:") status >> kib;
    return kib;
}

}  // namespace

TEST_CASE("code is no more resident than it is used") {
    const int before = resident_of_files_kib();
    REQUIRE(before > 0);
    give_code_back();
    CHECK(resident_of_files_kib() < before / 2);
}
