// Pool: where node/ has work done that would hold up the loop; see offload(). A test's runs it in
// the loop's own order instead.
#pragma once

#include <asio/thread_pool.hpp>
#include <cstddef>
#include <functional>

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
    explicit ThreadPool(std::size_t threads) : threads_(threads) {}
    void post(Work work) override;
    bool start(Work work) override;

  private:
    asio::thread_pool threads_;
};

}  // namespace kp2p
