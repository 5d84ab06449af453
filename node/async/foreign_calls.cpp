#include "node/async/foreign_calls.hpp"

#include <algorithm>
#include <mutex>

#include "node/async/timeout.hpp"

namespace kp2p {

// Where threads report back, as long as there is somebody to report to.
struct ForeignCalls::Home {
    std::mutex mutex;
    ForeignCalls* owner;  // null: nobody; changed by the loop's thread, under the mutex
};

ForeignCalls::ForeignCalls(Runtime& runtime) : runtime_(runtime), home_(std::make_shared<Home>()) {
    home_->owner = this;
}

ForeignCalls::~ForeignCalls() {
    const std::lock_guard lock(home_->mutex);
    home_->owner = nullptr;
}

bool ForeignCalls::all_hang(const Directory& directory) const {
    return std::ranges::all_of(directory.running, [this](const CallRef& call) {
        return runtime_.clock.now() - call->started >= limit;
    });
}

// No thread is going to come free, as far as can be told.
bool ForeignCalls::hopeless(const Directory& directory) const {
    if (directory.running.size() >= max_threads_in_directory) return all_hang(directory);
    return threads_ >= max_threads && std::ranges::all_of(directories_, [this](const auto& entry) {
               return all_hang(entry.second);
           });
}

Task<Result<void>> ForeignCalls::run(std::filesystem::path path, Work work) {
    Event ended(runtime_.executor);
    const auto call = std::make_shared<Call>(
        Call{path.parent_path(), std::move(work), Clock::Time(), false, &ended});
    {
        Directory& directory = directories_[call->directory];
        const bool full = directory.waiting.size() >= max_waiting_in_directory;
        if (full || hopeless(directory)) co_return Errc::timed_out;
        directory.waiting.push_back(call);
    }
    struct Leave {  // also when the caller is cancelled
        ForeignCalls& calls;
        const CallRef& call;
        ~Leave() {
            call->ended = nullptr;
            if (!call->over) calls.forget(call);
        }
    } leave{*this, call};
    start_waiting();
    const Clock::Time end = runtime_.clock.now() + limit;
    while (!call->over) {
        auto woken =
            co_await with_timeout(runtime_.clock, end - runtime_.clock.now(), ended.wait());
        if (!woken && !call->over) co_return woken.error();
    }
    co_return ok;
}

// In the order of the directories, which matters only when all threads are taken.
void ForeignCalls::start_waiting() {
    for (auto& [path, directory] : directories_) {
        while (!directory.waiting.empty() && threads_ < max_threads &&
               directory.running.size() < max_threads_in_directory) {
            if (!start(directory, directory.waiting.front())) return;
            directory.waiting.pop_front();
        }
    }
}

// False: there are no more threads to be had now.
bool ForeignCalls::start(Directory& directory, const CallRef& call) {
    const auto body = [home = home_, loop = runtime_.executor, call] {
        call->work();
        call->work = nullptr;
        const std::lock_guard lock(home->mutex);
        if (!home->owner) return;
        asio::post(loop, [home, call] {
            if (home->owner) home->owner->ended(call);
        });
    };
    if (!runtime_.pool.start(body)) return false;
    call->started = runtime_.clock.now();
    directory.running.push_back(call);
    ++threads_;
    return true;
}

void ForeignCalls::ended(const CallRef& call) {
    --threads_;
    call->over = true;
    if (call->ended) call->ended->notify_all();
    directories_[call->directory].running.remove(call);
    forget(call);
    start_waiting();
}

// It is not to be started any more.
void ForeignCalls::forget(const CallRef& call) {
    const auto at = directories_.find(call->directory);
    if (at == directories_.end()) return;
    std::erase(at->second.waiting, call);
    if (at->second.running.empty() && at->second.waiting.empty()) directories_.erase(at);
}

}  // namespace kp2p
