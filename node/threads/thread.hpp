// start_thread: every thread of ours but the first. No signal that is meant for the whole process
// is delivered to it: the first thread handles them, and is interrupted by them where it waits; in
// a thread that outlives the handlers a signal would end a process that is ending well. A library
// that writes to a connection which was closed gets an error there, not SIGPIPE.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace kp2p {

// While it lives, signals of the whole process wait for another thread, or for its end; threads
// begun meanwhile stay like that. What a fault of a thread raises comes all the same, and SIGALRM,
// which may be needed because the first thread hangs.
class SignalsHeld {
  public:
    SignalsHeld();
    SignalsHeld(const SignalsHeld&) = delete;
    ~SignalsHeld();

  private:
    sigset_t before_;
};

// Throws std::system_error when the system has no more threads.
std::thread start_thread(std::function<void()> body);

}  // namespace kp2p
