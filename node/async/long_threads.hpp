// LongThreads: threads for work on whole files, which may take minutes. Each has its own, so that
// the system gives each its turns and a short one never waits until a long one has ended; what
// comes beyond max_threads waits in line. From the loop's thread.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <thread>

#include "node/async/runtime.hpp"

namespace kp2p {

class LongThreads {
  public:
    static constexpr std::size_t max_threads = 64;
    using Deliver = std::function<void()>;  // runs on the loop, and destroys what it must there
    using Work = std::function<Deliver()>;

    // The pool does the work when the system has no more threads.
    explicit LongThreads(Runtime& runtime) : loop_(runtime.executor), fallback_(runtime.pool) {}
    LongThreads(const LongThreads&) = delete;
    ~LongThreads();  // asserts that all work has been delivered

    void run(Work work);

  private:
    using Thread = std::list<std::thread>::iterator;
    void start_waiting();
    bool start(const Work& work);
    void ended(Thread thread);

    Executor loop_;
    Pool& fallback_;
    std::deque<Work> waiting_;
    std::list<std::thread> threads_;
};

}  // namespace kp2p
