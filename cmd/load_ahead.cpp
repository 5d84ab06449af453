#include "cmd/load_ahead.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "node/threads/thread.hpp"

namespace kp2p {

LoadAhead::~LoadAhead() {
    stop_.request_stop();
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void LoadAhead::run() {
    client::Daemon daemon(command_.config(), stop_.get_token());
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] {
            return stop_.stop_requested() || first_ + loads_.size() >= wishes_.uris.size() ||
                   loads_.size() < max_ahead;
        });
        const std::size_t index = first_ + loads_.size();
        if (stop_.stop_requested() || index >= wishes_.uris.size()) break;
        Load& load = loads_.emplace_back();  // which stays until it is over
        const proto::Uri& uri = wishes_.uris[index];
        lock.unlock();
        const auto tell = [&](const client::Answer& event) -> Result<void> {
            const std::lock_guard told(mutex_);
            load.progress = event.text();
            changed_.notify_all();
            return ok;
        };
        Result<client::Answer> loaded = Errc::usage;
        if (uri.kind == proto::Uri::Kind::file || !uri.path.empty())
            loaded = daemon.events(load_request(uri.written, wishes_.naming, wishes_.wait), tell);
        lock.lock();
        if (loaded) load.answer = loaded->text();
        load.over = true;
        changed_.notify_all();
        if (!loaded && loaded.error() == Errc::no_daemon) break;
    }
    --running_;
}

void LoadAhead::begin() {
    if (std::exchange(begun_, true)) return;
    const std::size_t wanted = std::min(max_connections, wishes_.uris.size());
    const std::lock_guard lock(mutex_);  // none of them ends before all are counted
    try {
        for (; running_ < wanted; ++running_) threads_.push_back(start_thread([this] { run(); }));
    } catch (const std::system_error&) {  // the system's limit of threads: those there are do
    }
}

std::optional<std::string> LoadAhead::wait(const client::Daemon::OnEvent& on_progress) {
    constexpr std::chrono::milliseconds stop_check{100};
    begin();
    std::unique_lock lock(mutex_);
    for (;;) {
        if (command_.stop().stop_requested()) return std::nullopt;
        if (loads_.empty() && running_ == 0) return ++first_, std::nullopt;
        if (!loads_.empty() && loads_.front().progress) {
            const client::Answer event(*std::exchange(loads_.front().progress, {}));
            lock.unlock();
            (void)on_progress(event);  // whoever cannot write it cannot write the answer
            lock.lock();
            continue;
        }
        if (!loads_.empty() && loads_.front().over) break;
        changed_.wait_for(lock, stop_check);
    }
    auto answer = std::move(loads_.front().answer);
    loads_.pop_front();
    ++first_;
    changed_.notify_all();
    return answer;
}

}  // namespace kp2p
