#include "node/client/hang_watch.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

using namespace kp2p;

namespace {

// The first line that a process says, which then hangs in `work`.
std::string first_line(void (*work)(client::Waiting&)) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        client::watch_hangs("kp2p-some", std::stop_source(std::nostopstate));
        client::Waiting waiting("/mnt/file");
        work(waiting);
        for (;;) ::pause();
    }
    REQUIRE(child > 0);
    ::close(ends[1]);
    std::string line;
    for (char letter = 0; letter != '\n' && ::read(ends[0], &letter, 1) == 1;) line += letter;
    ::close(ends[0]);
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    return line;
}

}  // namespace

TEST_CASE("what hangs before its first step, and what stands still after one, is said") {
    CHECK(first_line([](client::Waiting&) {}) == "kp2p-some: /mnt/file does not answer yet\n");
    CHECK(first_line([](client::Waiting&) { const client::Waiting within("/home"); }) ==
          "kp2p-some: /mnt/file does not answer yet\n");
    CHECK(first_line([](client::Waiting& waiting) { waiting.moved(); }) ==
          "kp2p-some: /mnt/file stands still: a file system does not answer, or is slow\n");
}
