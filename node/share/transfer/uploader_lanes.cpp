// The part of Uploader that decides which chunk comes first.
#include "node/async/timeout.hpp"
#include "node/share/transfer/uploader.hpp"

namespace kp2p {
namespace {

constexpr std::chrono::milliseconds opening_span{5};  // what it takes, unless there is work in it

}  // namespace

void Uploader::queue(const Wanted& wanted) {
    const std::uint64_t file_bytes = files_.at(wanted.id).chunks->size_bytes();
    const bool fits = proto::chunk_size_bytes(file_bytes, wanted.index) <= proto::block_bytes;
    Lane& lane = lanes_[std::size_t(fits ? Size::of_a_block : Size::longer)];
    lane.queue.push_back(wanted);
    lane.filled.notify_all();
}

// What has just been asked for may be short, too. Of those that come meanwhile none is waited for.
Task<Result<void>> Uploader::let_short_ones_pass() {
    Lane& lane = short_ones();
    const auto opened = last_open_ + opening_span;
    for (auto now = clock_.now(); coming() && now < opened; now = clock_.now()) {
        auto woken = co_await with_timeout(clock_, opened - now, lane.moved.wait());
        if (!woken && woken.error() != Errc::timed_out) co_return woken;
    }
    const std::uint64_t end = lane.next_number + lane.queue.size();
    while (!lane.has_left(end)) {
        auto woken = co_await lane.moved.wait();
        if (!woken) co_return woken;
    }
    co_return ok;
}

bool Uploader::Lane::has_left(std::uint64_t number) const {
    const bool begun = queue.empty() || next_number >= number;
    return begun && (given.empty() || given.front() >= number);
}

void Uploader::Lane::drop(const std::function<bool(const Wanted&)>& which) {
    if (std::erase_if(queue, which) > 0) moved.notify_all();
}

Task<Result<void>> Uploader::Place::first() const {
    while (!is_first()) {
        auto moved = co_await lane_.moved.wait();
        if (!moved) co_return moved;
    }
    co_return ok;
}

}  // namespace kp2p
