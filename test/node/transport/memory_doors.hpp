// A network of ByteStreams in memory, which say that they are TCP: doors that connect to each
// other by their endpoints.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "node/transport/byte_streams.hpp"
#include "test/node/transport/memory_stream.hpp"

namespace kp2p::test {

class MemoryDoors {
  public:
    explicit MemoryDoors(Executor executor) : executor_(std::move(executor)) {}

    std::unique_ptr<ByteStreams> open(const Endpoint& local);
    // What goes there from now on is lost, or comes back.
    void swallow(const Endpoint& to) { swallowed_.insert(to); }
    void pass(const Endpoint& to);
    // Every stream that there is breaks.
    void cut() {
        for (const auto& pipe : std::exchange(pipes_, {}))
            if (const auto there = pipe.lock()) there->break_off();
    }
    // Nothing comes along any of them any more, and nobody connects.
    void fall_silent(Clock& clock) {
        for (const auto& pipe : pipes_)
            if (const auto there = pipe.lock()) there->fall_silent(clock);
        cut_at_ = 0;
    }
    // Once they have carried so much more, and then nobody connects any more.
    void cut_after(std::uint64_t bytes) { cut_at_ = carried_ + bytes; }
    std::size_t connects() const { return connects_; }
    std::uint64_t carried_bytes() const { return carried_; }

  private:
    class Door;
    void watch(const std::shared_ptr<Pipe>& pipe) {
        pipe->on_write = [this](std::size_t bytes) { count(bytes); };
        pipes_.push_back(pipe);
    }
    void count(std::size_t bytes) {
        carried_ += bytes;
        if (cut_at_ > 0 && carried_ >= cut_at_) cut();
    }

    Executor executor_;
    std::map<Endpoint, Door*> doors_;
    std::set<Endpoint> swallowed_;
    std::vector<std::weak_ptr<Pipe>> pipes_;
    std::size_t connects_ = 0;
    std::uint64_t carried_ = 0, cut_at_ = UINT64_MAX;
};

class MemoryDoors::Door final : public ByteStreams {
  public:
    Door(MemoryDoors& doors, const Endpoint& local)
        : doors_(doors), local_(local), changed_(doors.executor_) {
        doors_.doors_[local] = this;
    }
    ~Door() override { doors_.doors_.erase(local_); }

    Endpoint local() const override { return local_; }
    Task<Result<std::unique_ptr<ByteStream>>> accept() override {
        while (arrived_.empty()) {
            auto woken = co_await changed_.wait();
            if (!woken) co_return woken.error();
        }
        auto stream = std::move(arrived_.front());
        arrived_.pop_front();
        co_return stream;
    }
    Task<Result<std::unique_ptr<ByteStream>>> connect(Endpoint to) override {
        ++doors_.connects_;
        while (doors_.swallowed_.contains(to) || doors_.carried_ >= doors_.cut_at_) {
            auto woken = co_await changed_.wait();
            if (!woken) co_return woken.error();
        }
        const auto found = doors_.doors_.find(to);
        if (found == doors_.doors_.end()) co_return asio::error::connection_refused;
        Door& there = *found->second;
        auto forth = std::make_shared<Pipe>(doors_.executor_);
        auto back = std::make_shared<Pipe>(doors_.executor_);
        doors_.watch(forth);
        doors_.watch(back);
        Path ours, theirs;
        ours.transport = theirs.transport = Path::Transport::tcp;
        ours.local = theirs.remote = local_;
        ours.remote = theirs.local = to;
        there.arrived_.push_back(std::make_unique<MemoryStream>(forth, back, theirs));
        there.changed_.notify_all();
        co_return std::make_unique<MemoryStream>(back, forth, ours);
    }

  private:
    friend class MemoryDoors;

    MemoryDoors& doors_;
    Endpoint local_;
    std::deque<std::unique_ptr<ByteStream>> arrived_;
    Event changed_;
};

inline void MemoryDoors::pass(const Endpoint& to) {
    swallowed_.erase(to);
    for (const auto& [local, door] : doors_) door->changed_.notify_all();
}

inline std::unique_ptr<ByteStreams> MemoryDoors::open(const Endpoint& local) {
    return std::make_unique<Door>(*this, local);
}

}  // namespace kp2p::test
