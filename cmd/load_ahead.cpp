#include "cmd/load_ahead.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "node/threads/thread.hpp"

namespace kp2p {

LoadAhead::~LoadAhead() {
    {
        const std::lock_guard lock(mutex_);  // whoever looks at it just now waits by then
        stop_.request_stop();
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

// What is next, as much as one call takes.
LoadAhead::Call LoadAhead::next_call() {
    Call call;
    std::vector<std::string> uris;
    std::size_t bytes = 0;
    while (first_ + loads_.size() < wishes_.uris.size() && loads_.size() < max_ahead) {
        const std::size_t index = first_ + loads_.size();
        const proto::Uri& uri = wishes_.uris[index];
        const bool is_file = uri.kind == proto::Uri::Kind::file || !uri.path.empty();
        if (is_file) {
            bytes += uri.written.size();
            if (uris.size() == max_of_call || (bytes > max_call_bytes && !uris.empty())) break;
            uris.push_back(uri.written);
            call.indices.push_back(index);
        }
        loads_.emplace_back().over = !is_file;
    }
    call.request = load_request(uris, wishes_.naming, wishes_.wait);
    return call;
}

void LoadAhead::end(std::size_t index) {
    loads_[index - first_].over = true;
    if (index == first_) changed_.notify_all();
}

void LoadAhead::take(const Call& call, const client::Answer& event) {
    if (event.string("event") == "remark") {
        const std::lock_guard lock(mutex_);
        remark_ = event.text();
        changed_.notify_all();
        return;
    }
    const std::size_t number = event.number("index");
    if (event.string("event") != "file" || number >= call.indices.size()) return;
    const std::size_t index = call.indices[number];
    std::string line = event.json("line");
    const std::string kind = client::Answer(line).string("event");
    const std::lock_guard lock(mutex_);
    if (index < first_ || loads_[index - first_].over) return;
    Load& load = loads_[index - first_];
    if (kind == "progress") {
        load.progress = std::move(line);
        if (index == first_) changed_.notify_all();
    } else {
        // The next daemon may not have met the others yet: that is asked again.
        if (kind != "error" || !broken_off_) load.answer = std::move(line);
        end(index);
    }
}

void LoadAhead::run() {
    client::Daemon daemon(command_.config(), stop_.get_token());
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] {
            return stop_.stop_requested() || first_ + loads_.size() >= wishes_.uris.size() ||
                   loads_.size() <= max_ahead - max_of_call;
        });
        if (stop_.stop_requested() || first_ + loads_.size() >= wishes_.uris.size()) break;
        const Call call = next_call();
        changed_.notify_all();  // of what is not asked for
        if (call.indices.empty()) continue;
        lock.unlock();
        const auto tell = [&](const client::Answer& event) -> Result<void> {
            take(call, event);
            return ok;
        };
        auto loaded = daemon.events(call.request, tell);
        lock.lock();
        for (const std::size_t index : call.indices)
            if (index >= first_ && !loads_[index - first_].over) end(index);
        if (!loaded) broken_off_ = true;
        if (!loaded && loaded.error() == Errc::no_daemon) break;
    }
    --running_;
    changed_.notify_all();
}

void LoadAhead::begin() {
    if (std::exchange(begun_, true)) return;
    const std::size_t calls = (wishes_.uris.size() + max_of_call - 1) / max_of_call;
    const std::size_t wanted = std::min(max_connections, calls);
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
        std::optional<std::string> news = std::exchange(remark_, {});
        if (!news && !loads_.empty()) news = std::exchange(loads_.front().progress, {});
        if (news) {
            const client::Answer event(*news);
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
    if (loads_.size() == max_ahead - max_of_call) changed_.notify_all();
    return answer;
}

}  // namespace kp2p
