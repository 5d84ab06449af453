#include "node/client/uncaught.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

using namespace kp2p;

namespace {

struct LastWords {
    std::string text;
    int status = 0;
};

// Of a process in which `fail` throws what nobody catches.
LastWords last_words(void (*fail)()) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_CORE, &none);
        std::signal(SIGABRT, SIG_DFL);
        ::dup2(ends[1], STDERR_FILENO);
        client::say_what_nobody_catches("kp2p-some");
        [fail]() noexcept { fail(); }();
        ::_exit(0);
    }
    REQUIRE(child > 0);
    ::close(ends[1]);
    LastWords last;
    std::array<char, 4096> some{};
    for (ssize_t size; (size = ::read(ends[0], some.data(), some.size())) > 0;)
        last.text.append(some.data(), static_cast<std::size_t>(size));
    ::close(ends[0]);
    REQUIRE(::waitpid(child, &last.status, 0) == child);
    return last;
}

}  // namespace

TEST_CASE("what nobody catches is said with the name of the program") {
    const LastWords memory = last_words([] { throw std::bad_alloc(); });
    CHECK(memory.text == "kp2p-some: it cannot go on: no memory is left\n");
    CHECK(WEXITSTATUS(memory.status) == 1);
    const LastWords threads =
        last_words([] { throw std::system_error(EAGAIN, std::generic_category()); });
    CHECK(threads.text ==
          "kp2p-some: it cannot go on: no more threads can be had (ulimit -u, or -v)\n");
    CHECK(WEXITSTATUS(threads.status) == 1);
    const LastWords filtered =
        last_words([] { throw std::system_error(EPERM, std::generic_category(), "thread"); });
    CHECK(filtered.text.find("kp2p-some: it cannot go on: no thread may be started") == 0);
    const LastWords other = last_words([] { throw std::runtime_error("a reason"); });
    CHECK(other.text == "kp2p-some: it cannot go on: a reason\n");
    CHECK(WTERMSIG(other.status) == SIGABRT);
    CHECK(WTERMSIG(last_words([] { throw 5; }).status) == SIGABRT);
}
