// Pool: where node/ has work done that would hold up the loop; see offload(). A test's runs it in
// the loop's own order instead.
#pragma once

#include <asio/thread_pool.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "node/threads/thread.hpp"

namespace kp2p {

class Pool {
  public:
    using Work = std::function<void()>;  // does not throw; runs once, and is gone behind that

    virtual ~Pool() = default;
    // For work of some milliseconds, which waits until one of the threads is free.
    virtual void post(Work work) = 0;
    // On a thread of its own, for as long as it takes, even beyond the life of the pool. False if
    // the system has no more threads.
    virtual bool start(Work work) = 0;
};

class ThreadPool final : public Pool {
  public:
    explicit ThreadPool(std::size_t threads);
    void post(Work work) override;
    bool start(Work work) override;

  private:
    ThreadPool(std::size_t threads, const SignalsHeld& held);

    asio::thread_pool threads_;
};

// The threads of another pool, for work that is done one after the other, in the order of post().
// What was posted is done though the strand is gone by then; the other pool must outlive it.
class Strand final : public Pool {
  public:
    explicit Strand(Pool& pool);
    void post(Work work) override;
    bool start(Work work) override { return pool_.start(std::move(work)); }

  private:
    struct Queue;

    Pool& pool_;
    std::shared_ptr<Queue> queue_;
};

}  // namespace kp2p
