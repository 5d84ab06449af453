// HangWatch: a thread beside the first one of a command, which may hang in a file system that does
// not answer, as one on a server that is down; no handler of a signal runs there either. It says
// for what is waited, and has a signal end the command all the same. One a process.
//   watch_hangs("kp2p-store", interrupted, &taken);
//   { const Waiting waiting(path); open(path); }
#pragma once

#include <csignal>
#include <stop_token>
#include <string>

namespace kp2p::client {

// From now on. What stops `stop`, or one of SIGINT, SIGTERM and SIGHUP that the first thread cannot
// take, ends the process five seconds later, unless it has ended by then; `taken` is the signal
// that has stopped it, 0 for none, and lives as long as the process. If `stop` has no state they do
// as ever, and the thread ends when nothing is waited for. Without it where the system has no more
// threads.
void watch_hangs(const std::string& command, const std::stop_source& stop,
                 const volatile std::sig_atomic_t* taken = nullptr);

// Ends the process as the signal does where nobody takes it, after what there was to tidy up: a
// shell that sees that leaves its loop, as the user meant. Returns where it does nothing, as for
// the first process of a container.
void end_by(int signal);

// As long as it lives something is done that takes no time, or that moved() tells the steps of;
// after five seconds, or so long after a step, it is said, once, that `what` does not answer.
// Nothing where there is no HangWatch, or on another thread than the one that has begun that. The
// last of several is what is waited for.
class Waiting {
  public:
    explicit Waiting(std::string what);
    Waiting(const Waiting&) = delete;
    ~Waiting();

    void moved();  // on any thread

  private:
    bool watched_ = false;
    std::string before_;
};

}  // namespace kp2p::client
