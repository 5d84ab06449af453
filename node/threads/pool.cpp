#include "node/threads/pool.hpp"

#include <asio/post.hpp>
#include <deque>
#include <mutex>
#include <system_error>

#include "node/threads/thread.hpp"

namespace kp2p {

ThreadPool::ThreadPool(std::size_t threads) : ThreadPool(threads, SignalsHeld()) {}
ThreadPool::ThreadPool(std::size_t threads, const SignalsHeld&) : threads_(threads) {}

void ThreadPool::post(Work work) { asio::post(threads_, std::move(work)); }

bool ThreadPool::start(Work work) {
    try {
        start_thread(std::move(work)).detach();
    } catch (const std::system_error&) {
        return false;
    }
    return true;
}

struct Strand::Queue {
    std::mutex mutex;
    std::deque<Work> waiting;  // the first one is being done, unless there is none

    // Both say whether there is one to begin with.
    bool add(Work work) {
        const std::lock_guard lock(mutex);
        waiting.push_back(std::move(work));
        return waiting.size() == 1;
    }
    bool done() {
        const std::lock_guard lock(mutex);
        waiting.pop_front();
        return !waiting.empty();
    }
};

Strand::Strand(Pool& pool) : pool_(pool), queue_(std::make_shared<Queue>()) {}

void Strand::post(Work work) {
    // Between two of them others that wait for the pool's threads get their turn.
    struct Next {
        Pool& pool;
        std::shared_ptr<Queue> queue;

        void operator()() const {
            Work work;
            {
                const std::lock_guard lock(queue->mutex);
                work = std::move(queue->waiting.front());
            }
            work();
            work = nullptr;
            if (queue->done()) pool.post(*this);
        }
    };
    if (queue_->add(std::move(work))) pool_.post(Next{pool_, queue_});
}

}  // namespace kp2p
