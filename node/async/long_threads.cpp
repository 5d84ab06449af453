#include "node/async/long_threads.hpp"

#include <asio/execution/outstanding_work.hpp>
#include <asio/prefer.hpp>
#include <cassert>
#include <system_error>

#include "node/threads/thread.hpp"

namespace kp2p {

LongThreads::~LongThreads() { assert(threads_.empty() && waiting_.empty()); }

void LongThreads::run(Work work) {
    waiting_.push_back(std::move(work));
    start_waiting();
}

void LongThreads::start_waiting() {
    while (!waiting_.empty() && threads_.size() < max_threads) {
        if (!start(waiting_.front())) {
            if (!threads_.empty()) return;  // when one of those ends
            auto home = asio::prefer(loop_, asio::execution::outstanding_work.tracked);
            fallback_.post([home, work = waiting_.front()] { asio::post(home, work()); });
        }
        waiting_.pop_front();
    }
}

// False: the system has no more threads.
bool LongThreads::start(const Work& work) {
    const Thread thread = threads_.emplace(threads_.end());
    auto home = asio::prefer(loop_, asio::execution::outstanding_work.tracked);
    const auto body = [this, thread, home, work] {
        asio::post(home, [this, thread, deliver = work()] {
            ended(thread);
            deliver();
        });
    };
    try {
        *thread = start_thread(body);
    } catch (const std::system_error&) {
        threads_.erase(thread);
        return false;
    }
    return true;
}

void LongThreads::ended(Thread thread) {
    thread->join();  // it has posted its last
    threads_.erase(thread);
    start_waiting();
}

}  // namespace kp2p
