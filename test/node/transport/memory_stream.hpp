// Two ByteStreams that are each other's other side, in memory, with bounded buffers; and two
// Connections over them.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>

#include "node/async/event.hpp"
#include "node/transport/connection.hpp"
#include "proto/outcome.hpp"
#include "proto/record/secret_stream.hpp"

namespace kp2p::test {

// One direction.
class Pipe {
  public:
    explicit Pipe(Executor executor) : changed_(executor) {}

    Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into) {
        while (bytes_.empty() && !ended_ && !broken_) {
            auto woken = co_await changed_.wait();
            if (!woken) co_return woken.error();
        }
        if (broken_) co_return asio::error::connection_reset;
        const std::size_t n = std::min(into.size(), bytes_.size());
        std::copy_n(bytes_.begin(), n, into.begin());
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(n));
        changed_.notify_all();
        co_return n;
    }
    Task<Result<void>> write(ByteView bytes) {
        if (silent_ && !missing_since_ && clock_) missing_since_ = clock_->now();
        if (silent_) co_return ok;
        while (bytes_.size() > max_bytes && !broken_) {
            auto woken = co_await changed_.wait();
            if (!woken) co_return woken;
        }
        if (broken_) co_return asio::error::connection_reset;
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        written_ += bytes.size();
        if (written_ > alters_after && !bytes.empty()) bytes_.back() ^= 1;
        changed_.notify_all();
        if (on_write) on_write(bytes.size());
        co_return ok;
    }
    Task<Result<void>> finish() {
        ended_ = true;
        changed_.notify_all();
        while (!bytes_.empty() && !broken_) {
            auto woken = co_await changed_.wait();
            if (!woken) co_return woken;
        }
        co_return ok;
    }
    void break_off() {
        broken_ = true;
        changed_.notify_all();
    }
    // What is written from now on is lost, which is noticed as TCP notices it.
    void fall_silent(Clock& clock) {
        silent_ = true;
        clock_ = &clock;
    }
    std::optional<Clock::Span> unanswered() const {
        if (!missing_since_) return std::nullopt;
        return clock_->now() - *missing_since_;
    }
    std::size_t size_bytes() const { return bytes_.size(); }

    std::function<void(std::size_t)> on_write;  // of so many bytes

    std::uint64_t alters_after = std::numeric_limits<std::uint64_t>::max();  // bytes: some of more

    static constexpr std::size_t max_bytes = 256 * 1024;

  private:
    ByteVector bytes_;
    std::uint64_t written_ = 0;
    bool ended_ = false, broken_ = false, silent_ = false;
    Clock* clock_ = nullptr;  // while it is silent
    std::optional<Clock::Time> missing_since_;
    Event changed_;
};

class MemoryStream final : public ByteStream {
  public:
    MemoryStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
        : in_(std::move(in)), out_(std::move(out)) {
        path_.transport = Path::Transport::memory;
        path_.remote = Endpoint::loopback(1);
    }
    MemoryStream(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out, const Path& path)
        : in_(std::move(in)), out_(std::move(out)), path_(path) {}
    ~MemoryStream() override { MemoryStream::destroy(); }

    Path path() const override { return path_; }
    Path::Kind path_kind() const override { return path_.kind; }
    std::optional<Clock::Span> unanswered() const override { return out_->unanswered(); }
    Task<Result<std::size_t>> read_some(std::span<std::uint8_t> into) override {
        return in_->read_some(into);
    }
    Task<Result<void>> write(ByteView bytes) override { return out_->write(bytes); }
    Task<Result<void>> finish() override {
        finished_ = true;
        return out_->finish();
    }
    void destroy() override {
        in_->break_off();
        if (!finished_) out_->break_off();
    }

  private:
    std::shared_ptr<Pipe> in_, out_;
    Path path_;
    bool finished_ = false;
};

struct StreamPair {
    std::unique_ptr<ByteStream> initiator, responder;
    std::shared_ptr<Pipe> to_responder, to_initiator;
};
inline StreamPair stream_pair(Executor executor) {
    auto there = std::make_shared<Pipe>(executor), back = std::make_shared<Pipe>(executor);
    return {std::make_unique<MemoryStream>(back, there),
            std::make_unique<MemoryStream>(there, back), there, back};
}

// The keys of a handshake between two fixed nodes.
inline proto::NoiseKeys keys_of(Role role) {
    proto::Seed a, b;
    a.data()[0] = 1;
    b.data()[0] = 2;
    proto::CipherKey there, back;
    there.data()[0] = 3;
    back.data()[0] = 4;
    const bool initiator = role == Role::initiator;
    return {.tx = initiator ? there : back,
            .rx = initiator ? back : there,
            .hash = {},
            .remote = proto::KeyPair::from_seed(initiator ? b : a).public_key(),
            .role = role};
}

// Two ends of one connection; run() each beside what uses them.
struct ConnectionPair {
    std::shared_ptr<Connection> initiator, responder;
    std::shared_ptr<Pipe> to_responder, to_initiator;
};
inline ConnectionPair connection_pair(Executor executor, Clock& clock) {
    auto streams = stream_pair(executor);
    const auto end = [&](std::unique_ptr<ByteStream> stream, Role role) {
        return std::make_shared<Connection>(executor, clock, std::move(stream), keys_of(role),
                                            proto::secret_stream(keys_of(role), {}));
    };
    return {end(std::move(streams.initiator), Role::initiator),
            end(std::move(streams.responder), Role::responder), streams.to_responder,
            streams.to_initiator};
}

inline Task<> run_connection(std::shared_ptr<Connection> connection) {
    connection->trust();
    connection->start();
    auto ended = co_await connection->run();
    (void)ended;
}

}  // namespace kp2p::test
