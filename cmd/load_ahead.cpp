#include "cmd/load_ahead.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "node/threads/thread.hpp"
#include "proto/json.hpp"

namespace kp2p {

client::Request load_request(const proto::Uri& uri, const std::optional<proto::Duration>& wait) {
    proto::JsonWriter body;
    body.begin_object().field("uri", uri.written);
    if (wait) body.field("wait", wait->span.count());
    return {"/v1/load", "path", body.end_object().take()};
}

LoadAhead::LoadAhead(const client::Command& command, std::span<const proto::Uri> uris,
                     const std::optional<proto::Duration>& wait)
    : command_(command), uris_(uris), wait_(wait) {}

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
            return stop_.stop_requested() || first_ + loads_.size() >= uris_.size() ||
                   loads_.size() < max_ahead;
        });
        const std::size_t index = first_ + loads_.size();
        if (stop_.stop_requested() || index >= uris_.size()) break;
        Load& load = loads_.emplace_back();  // which stays until it is over
        lock.unlock();
        auto loaded = daemon.events(load_request(uris_[index], wait_),
                                    [&](const client::Answer& event) -> Result<void> {
                                        const std::lock_guard told(mutex_);
                                        load.progress = event.text();
                                        changed_.notify_all();
                                        return ok;
                                    });
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
    const std::size_t wanted = std::min(max_connections, uris_.size());
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
