#include "cmd/outage.hpp"

#include <algorithm>
#include <string>
#include <thread>

#include "proto/outcome.hpp"

namespace kp2p {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds first_pause{100}, longest_pause{1000}, stop_check{100};

}  // namespace

void Outage::saw(std::uint64_t bytes) {
    if (bytes <= most_bytes_) return;
    most_bytes_ = bytes;
    until_.reset();
}

// The next one may not have met those who have the file when it is asked.
bool Outage::is_outage(std::error_code error) {
    if (!wait_ || command_.stop().stop_requested()) return false;
    if (!daemon_.has_ended())
        return until_ && (error == Errc::not_found || error == Errc::no_daemon) &&
               steady_clock::now() < *until_;
    if (until_) return true;
    until_ = steady_clock::now() + wait_->span;
    command_.say(daemon_.message() + "; waiting for another one");
    return true;
}

Result<void> Outage::another_daemon() {
    milliseconds pause = first_pause;
    for (;;) {
        for (milliseconds waited{0}; waited < pause; waited += stop_check) {
            std::this_thread::sleep_for(stop_check);
            if (command_.stop().stop_requested()) return Errc::canceled;
        }
        auto found = daemon_.find_another();
        if (found) return ok;
        if (steady_clock::now() >= *until_)
            return command_.failure(
                found.error(), "the daemon ended before its work was done, and none came within " +
                                   std::to_string(wait_->span.count()) +
                                   " s: " + daemon_.message());
        pause = std::min(2 * pause, longest_pause);
    }
}

}  // namespace kp2p
