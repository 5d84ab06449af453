// PutQueue: files of one chunk that are to be stored. Those that come while others are being
// written are written after them together, at the price of one flush: storing is over for each when
// it is on the disk. One thread's.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "node/async/event.hpp"
#include "node/store/store.hpp"
#include "node/threads/pool.hpp"
#include "proto/encoded.hpp"

namespace kp2p {

class PutQueue {
  public:
    PutQueue(Executor executor, Pool& pool, const Store& store)
        : pool_(pool), store_(store), changed_(executor) {}

    struct Content {
        Sha1 sha1;
        std::vector<proto::Payload> bytes;  // one part after the other
    };
    using Contents = std::vector<Content>;
    // An outcome for each, in their order. Errors as Store::put_loaded().
    using Outcomes = std::vector<Result<void>>;
    Task<Result<Outcomes>> put(Contents files);
    Task<Result<void>> put(Content file);

  private:
    static constexpr std::size_t max_at_once = 128;  // those of the last call may be more
    struct Waiting {
        Contents files;
        std::optional<Outcomes> outcomes;
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
