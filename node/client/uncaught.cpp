#include "node/client/uncaught.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace kp2p::client {
namespace {

std::string program_name;

// Without allocating: there may be no memory.
void say(const char* words) {
    for (const char* part : {program_name.c_str(), ": it cannot go on: ", words, "\n"}) {
        pollfd room{STDERR_FILENO, POLLOUT, 0};
        if (::poll(&room, 1, 0) > 0) (void)!::write(STDERR_FILENO, part, std::strlen(part));
    }
}

[[noreturn]] void end() {
    try {
        if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
    } catch (const std::bad_alloc&) {
        say("no memory is left");
        ::_exit(1);
    } catch (const std::system_error& error) {
        const int number = error.code().value();  // asio's have a category of their own
        const bool of_thread = std::strncmp(error.what(), "thread", 6) == 0;
        say(number == EAGAIN ? "no more threads can be had (ulimit -u, or -v)"
            : number == EPERM && of_thread
                ? "no thread may be started: a container's filter refuses the call clone3, as "
                  "Docker before 20.10.10 does (--security-opt seccomp=unconfined lets it through)"
                : error.what());
        ::_exit(1);
    } catch (const std::exception& error) {
        say(error.what());
    } catch (...) {
    }
    std::abort();
}

}  // namespace

void say_what_nobody_catches(std::string name) {
    program_name = std::move(name);
    std::set_terminate(end);
}

}  // namespace kp2p::client
