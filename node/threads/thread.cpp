#include "node/threads/thread.hpp"

#include <utility>

namespace kp2p {

SignalsHeld::SignalsHeld() {
    sigset_t held;
    ::sigfillset(&held);
    for (const int signal : {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP})
        ::sigdelset(&held, signal);
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
}

SignalsHeld::~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::thread start_thread(std::function<void()> body) {
    const SignalsHeld held;
    return std::thread(std::move(body));
}

}  // namespace kp2p
