#include "node/client/hang_watch.hpp"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace kp2p::client {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds glance_span{200};
constexpr std::chrono::seconds silent_span{5};
constexpr int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

struct HangWatch {
    std::string command;
    std::stop_source stop;
    const volatile std::sig_atomic_t* taken;
    const std::thread::id first = std::this_thread::get_id();
    sigset_t signals = {};  // those that are to stop it
    std::mutex mutex = {};
    std::string what = {};  // empty: nothing that is watched
    bool moves = false;     // something of it was done
    bool told = false;
    steady_clock::time_point since = {};
};
HangWatch* hang_watch = nullptr;  // never destroyed: its thread may outlive all that is

// Not through stdio, whose locks the first thread may hold.
void say_hang(const HangWatch& watch, const std::string& words) {
    const std::string line = watch.command + ": " + words + '\n';
    (void)!::write(STDERR_FILENO, line.data(), line.size());
}

// One that waits for the first thread, as all others refuse it; 0 if none does.
int waiting_signal(const HangWatch& watch) {
    sigset_t waiting;
    if (::sigpending(&waiting) != 0) return 0;
    for (const int signal : stop_signals)
        if (::sigismember(&waiting, signal) == 1 && ::sigismember(&watch.signals, signal) == 1)
            return signal;
    return 0;
}

// What has begun may stand still for a disk at its other end, too.
std::string hang_words(const HangWatch& watch) {
    if (watch.what.empty()) return "a file system does not answer";
    if (watch.moves) return watch.what + " stands still: a file system does not answer, or is slow";
    return watch.what + " does not answer";
}

bool is_waited_for(HangWatch& watch) {
    const std::lock_guard lock(watch.mutex);
    return !watch.what.empty();
}

void tell_once(HangWatch& watch) {
    const std::lock_guard lock(watch.mutex);
    if (watch.what.empty() || watch.told || steady_clock::now() - watch.since < silent_span) return;
    watch.told = true;
    say_hang(watch, hang_words(watch) + (watch.moves ? "" : " yet"));
}

void watch_on(HangWatch& watch) {
    while (!watch.stop.stop_requested() && waiting_signal(watch) == 0) {
        std::this_thread::sleep_for(glance_span);
        if (!watch.stop.stop_possible() && !is_waited_for(watch)) return;
        tell_once(watch);
    }
    watch.stop.request_stop();
    std::this_thread::sleep_for(silent_span);
    {
        const std::lock_guard lock(watch.mutex);
        say_hang(watch, "it was canceled: stopped; " + hang_words(watch));
    }
    const int taken = watch.taken ? *watch.taken : 0;
    if (const int signal = taken != 0 ? taken : waiting_signal(watch)) end_by(signal);
    ::_exit(1);
}

}  // namespace

void end_by(int signal) {
    struct sigaction usual {};
    usual.sa_handler = SIG_DFL;
    ::sigaction(signal, &usual, nullptr);
    sigset_t one;
    ::sigemptyset(&one);
    ::sigaddset(&one, signal);
    ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
    ::raise(signal);
}

void watch_hangs(const std::string& command, const std::stop_source& stop,
                 const volatile std::sig_atomic_t* taken) {
    if (hang_watch) return;
    auto* watch = new HangWatch{command, stop, taken};
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    ::sigemptyset(&watch->signals);
    for (const int signal : stop_signals)
        if (stop.stop_possible() && ::sigismember(&before, signal) == 0)
            ::sigaddset(&watch->signals, signal);
    try {
        std::thread([watch] { watch_on(*watch); }).detach();
        hang_watch = watch;
    } catch (const std::system_error&) {
        delete watch;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Waiting::Waiting(std::string what) {
    watched_ = hang_watch && hang_watch->first == std::this_thread::get_id();
    if (!watched_) return;
    const std::lock_guard lock(hang_watch->mutex);
    before_ = std::exchange(hang_watch->what, std::move(what));
    hang_watch->moves = false;
    hang_watch->told = false;
    hang_watch->since = steady_clock::now();
}

void Waiting::moved() {
    if (!watched_) return;
    const std::lock_guard lock(hang_watch->mutex);
    hang_watch->moves = true;
    hang_watch->since = steady_clock::now();
}

Waiting::~Waiting() {
    if (!watched_) return;
    const std::lock_guard lock(hang_watch->mutex);
    hang_watch->what = std::move(before_);
    hang_watch->since = steady_clock::now();
}

}  // namespace kp2p::client
