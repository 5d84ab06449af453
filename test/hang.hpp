// give_up: ends the process, saying which test hangs.
#pragma once

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

namespace kp2p::test {

[[noreturn]] inline void give_up(const char* why) {
    const auto* test = doctest::getContextOptions()->currentTest;
    std::fprintf(stderr, "%s: the test hangs: %s\n", test ? test->m_name : "?", why);
    std::abort();
}

}  // namespace kp2p::test
