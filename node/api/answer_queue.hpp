// AnswerQueue: carries the answer to one request from the loop's thread to the HTTP thread that
// writes it. Bounded in bytes: put() waits for the reader, try_put() refuses. The end is final and
// unlike the pieces always fits. Each side uses its own half, and no other thread does.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "node/async/event.hpp"

namespace kp2p {

class AnswerQueue : public std::enable_shared_from_this<AnswerQueue> {
  public:
    // Two chunks of a file: one on its way out while the next is verified.
    static constexpr std::size_t max_bytes = 2 << 20;

    struct End {
        int status = 0;  // of HTTP, for an answer that has no pieces
        std::string text;
    };
    struct Taken {
        std::optional<std::string> piece;
        bool ended = false;  // no piece will come any more
    };

    explicit AnswerQueue(Executor loop) : loop_(loop) {}

    // On the loop. `room` belongs to the coroutine that serves the request, and is notified when
    // put() should look again; attach(nullptr) before it goes.
    void attach(Event* room) { room_ = room; }
    Task<Result<void>> put(std::string piece);
    bool try_put(std::string piece);
    void finish(End end);

    // On the HTTP thread. Nothing after `patience` without a piece.
    Taken take(std::chrono::milliseconds patience);
    const End& end() const { return end_; }  // once take() said `ended`

  private:
    enum class Offer { taken, full, ended };
    Offer offer(std::string& piece);  // moves from it only when taken

    Executor loop_;
    Event* room_ = nullptr;
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::deque<std::string> pieces_;
    std::size_t bytes_ = 0;
    bool ended_ = false;
    End end_;
};

}  // namespace kp2p
