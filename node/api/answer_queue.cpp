#include "node/api/answer_queue.hpp"

#include "proto/outcome.hpp"

namespace kp2p {

AnswerQueue::Offer AnswerQueue::offer(std::string& piece) {
    const std::lock_guard lock(mutex_);
    if (ended_) return Offer::ended;
    if (bytes_ > 0 && bytes_ + piece.size() > max_bytes) return Offer::full;
    bytes_ += piece.size();
    pieces_.push_back(std::move(piece));
    changed_.notify_one();
    return Offer::taken;
}

bool AnswerQueue::try_put(std::string piece) { return offer(piece) == Offer::taken; }

Task<Result<void>> AnswerQueue::put(std::string piece) {
    for (;;) {
        const Offer offered = offer(piece);
        if (offered == Offer::taken) co_return ok;
        if (offered == Offer::ended || !room_) co_return Errc::closed;
        auto woken = co_await room_->wait();
        if (!woken) co_return woken.error();
    }
}

void AnswerQueue::finish(End end) {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    end_ = std::move(end);
    changed_.notify_one();
}

AnswerQueue::Taken AnswerQueue::take(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [this] { return ended_ || !pieces_.empty(); });
    Taken taken;
    if (pieces_.empty()) {
        taken.ended = ended_;
        return taken;
    }
    taken.piece = std::move(pieces_.front());
    pieces_.pop_front();
    bytes_ -= taken.piece->size();
    lock.unlock();
    asio::post(loop_, [self = shared_from_this()] {
        if (self->room_) self->room_->notify_all();
    });
    return taken;
}

}  // namespace kp2p
