#include "node/process/process_end.hpp"

#include <poll.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <string_view>

namespace kp2p {
namespace {

// In a signal handler. Who reads stderr may be what hangs.
void end_process(int) {
    constexpr std::string_view words =
        "stopped without waiting for the system, which does not answer: a file system, or the "
        "look-up of a name\n";
    pollfd room{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&room, 1, 0) > 0) (void)!::write(STDERR_FILENO, words.data(), words.size());
    ::_exit(0);
}

}  // namespace

void end_process_within(std::chrono::milliseconds limit) {
    sigset_t asked;
    ::sigemptyset(&asked);
    ::sigaddset(&asked, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &asked, nullptr);
    std::signal(SIGALRM, end_process);
    const itimerval timer{{0, 0}, {limit.count() / 1000, limit.count() % 1000 * 1000}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace kp2p
