// PutQueue: files of one chunk that are to be stored. Those that come while others are being
// written are written after them together, at the price of one flush: storing is over for each when
// it is on the disk. One thread's.
#pragma once

#include <deque>
#include <memory>

#include "node/async/event.hpp"
#include "node/store/store.hpp"
#include "node/threads/pool.hpp"
#include "proto/transfer/download.hpp"

namespace kp2p {

class PutQueue {
  public:
    PutQueue(Executor executor, Pool& pool, const Store& store)
        : pool_(pool), store_(store), changed_(executor) {}

    using Chunk = std::shared_ptr<const proto::CheckedChunk>;
    // Whole and verified. Errors as Store::put_loaded().
    Task<Result<void>> put(Chunk file);

  private:
    static constexpr std::size_t max_at_once = 128;
    struct Waiting {
        Chunk file;
        std::optional<Result<Sha1>> outcome;
    };
    using WaitingRef = std::shared_ptr<Waiting>;

    Task<> write_some();

    Pool& pool_;
    const Store& store_;
    std::deque<WaitingRef> waiting_;
    bool writing_ = false;
    std::shared_ptr<Store::Burst> burst_;  // while one batch is written after the other
    Event changed_;
};

}  // namespace kp2p
