#include "node/share/fetch/put_queue.hpp"

#include <utility>

#include "node/async/offload.hpp"

namespace kp2p {

// Whoever finds nobody writing writes for all that wait.
Task<Result<void>> PutQueue::put(Chunk file) {
    const auto ours = std::make_shared<Waiting>(Waiting{std::move(file), {}});
    struct Leave {  // also when this coroutine is cancelled
        std::deque<WaitingRef>& waiting;
        const WaitingRef& ours;
        ~Leave() { std::erase(waiting, ours); }
    } leave{waiting_, ours};
    waiting_.push_back(ours);
    while (!ours->outcome) {
        if (writing_) {
            auto changed = co_await changed_.wait();
            if (!changed) co_return changed;
        } else {
            co_await write_some();
        }
    }
    if (!*ours->outcome) co_return ours->outcome->error();
    co_return ok;
}

Task<> PutQueue::write_some() {
    std::vector<WaitingRef> batch;
    while (!waiting_.empty() && batch.size() < max_at_once) {
        batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    struct Leave {  // what was not written is left to another
        PutQueue& queue;
        std::vector<WaitingRef>& batch;
        ~Leave() {
            for (const WaitingRef& each : batch)
                if (!each->outcome) queue.waiting_.push_front(each);
            queue.writing_ = false;
            queue.changed_.notify_all();
        }
    } leave{*this, batch};
    writing_ = true;
    std::vector<Chunk> files;
    for (const WaitingRef& each : batch) files.push_back(each->file);
    if (batch.size() > 1 && !burst_) burst_ = store_.begin_burst();
    auto write = [store = &store_, files, burst = burst_] {
        std::vector<proto::Payload> whole;
        for (const Chunk& file : files) whole.push_back(file->in_one_piece());
        const std::vector<ByteView> views(whole.begin(), whole.end());
        return burst ? store->put_loaded(views, *burst) : store->put_loaded(views);
    };
    auto put = co_await offload(pool_, std::move(write));
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->outcome = std::move(put[i]);
    // What it knows of the disk would be old when more come.
    if (burst_ && waiting_.empty()) pool_.post([burst = std::exchange(burst_, nullptr)] {});
}

}  // namespace kp2p
