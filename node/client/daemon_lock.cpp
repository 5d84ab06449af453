// The lock by which it is seen that a daemon runs.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "node/client/daemon.hpp"
#include "proto/outcome.hpp"

namespace kp2p::client {
namespace {

constexpr std::chrono::seconds patience_with_lock{10};

}  // namespace

Result<void> Daemon::wait_until_gone() {
    if (until_unlocked([] { return false; })) return ok;
    return Errc::timed_out;
}

bool Daemon::until_unlocked(const std::function<bool()>& enough) {
    const int lock = ::open(lock_.c_str(), O_RDWR | O_CLOEXEC);
    if (lock < 0) return true;
    const auto deadline = std::chrono::steady_clock::now() + patience_with_lock;
    bool gone = false;
    while (!gone && std::chrono::steady_clock::now() < deadline && !enough()) {
        if (::flock(lock, LOCK_EX | LOCK_NB) == 0)
            gone = true;
        else
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    ::close(lock);
    return gone;
}

}  // namespace kp2p::client
