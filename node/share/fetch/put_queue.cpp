#include "node/share/fetch/put_queue.hpp"

#include <utility>

#include "node/async/offload.hpp"
#include "proto/transfer/chunk_check.hpp"

namespace kp2p {

// Whoever finds nobody writing writes for all that wait.
Task<Result<PutQueue::Outcomes>> PutQueue::put(Contents files) {
    const auto ours = std::make_shared<Waiting>(Waiting{std::move(files), {}});
    struct Leave {  // also when this coroutine is cancelled
        std::deque<WaitingRef>& waiting;
        const WaitingRef& ours;
        ~Leave() { std::erase(waiting, ours); }
    } leave{waiting_, ours};
    waiting_.push_back(ours);
    while (!ours->outcomes) {
        if (writing_) {
            auto changed = co_await changed_.wait();
            if (!changed) co_return changed.error();
        } else {
            co_await write_some();
        }
    }
    co_return *std::move(ours->outcomes);
}

Task<Result<void>> PutQueue::put(Content file) {
    Contents files;
    files.push_back(std::move(file));
    auto put_ = co_await put(std::move(files));
    if (!put_) co_return put_.error();
    co_return put_->front();
}

Task<> PutQueue::write_some() {
    std::vector<WaitingRef> batch;
    for (std::size_t files = 0; !waiting_.empty() && files < max_at_once;) {
        files += waiting_.front()->files.size();
        batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    struct Leave {  // what was not written is left to another
        PutQueue& queue;
        std::vector<WaitingRef>& batch;
        ~Leave() {
            for (const WaitingRef& each : batch)
                if (!each->outcomes) queue.waiting_.push_front(each);
            queue.writing_ = false;
            queue.changed_.notify_all();
        }
    } leave{*this, batch};
    writing_ = true;
    Contents files;
    for (const WaitingRef& each : batch)
        files.insert(files.end(), each->files.begin(), each->files.end());
    if (files.size() > 1 && !burst_) burst_ = store_.begin_burst();
    auto write = [store = &store_, files = std::move(files), burst = burst_] {
        std::vector<proto::Payload> whole;
        for (const Content& file : files) whole.push_back(proto::in_one_piece(file.bytes));
        std::vector<Store::Loaded> loaded;
        for (std::size_t i = 0; i < files.size(); ++i) loaded.push_back({files[i].sha1, whole[i]});
        return burst ? store->put_loaded(loaded, *burst) : store->put_loaded(loaded);
    };
    const Outcomes put = co_await offload(pool_, std::move(write));
    auto next = put.begin();
    for (const WaitingRef& each : batch) {
        const auto end = next + static_cast<std::ptrdiff_t>(each->files.size());
        each->outcomes.emplace(next, end);
        next = end;
    }
    // What it knows of the disk would be old when more come.
    if (burst_ && waiting_.empty()) pool_.post([burst = std::exchange(burst_, nullptr)] {});
}

}  // namespace kp2p
