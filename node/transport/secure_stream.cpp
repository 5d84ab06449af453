#include "node/transport/secure_stream.hpp"

#include <utility>

#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// What a buffer keeps allocated between writes, enough for the watermark after any growth of a
// vector; when the connection is idle, nothing.
constexpr std::size_t kept_buffer_bytes = 4 * SecureStream::high_watermark_bytes;

}  // namespace

SecureStream::SecureStream(Executor executor, Clock& clock, std::unique_ptr<ByteStream> stream,
                           proto::Records records)
    : clock_(clock),
      stream_(std::move(stream)),
      records_(std::move(records)),
      last_write_(clock.now()),
      last_read_(last_write_),
      work_(executor),
      written_(executor) {
    records_.opener->set_max_frame_bytes(max_early_frame_bytes);
    records_.sealer->begin(out_);
}

void SecureStream::write(std::span<const ByteView> parts) {
    if (failure_ || ending_) return;
    records_.sealer->seal(parts, out_);
    work_.notify_all();
}

Task<Result<void>> SecureStream::writable() {
    while (congested() && !failure_) {
        auto woken = co_await written_.wait();
        if (!woken) co_return woken;
    }
    if (failure_) co_return failure_;
    co_return ok;
}

Task<Result<void>> SecureStream::receive() {
    waiting_since_ = clock_.now();
    auto n = co_await stream_->read_some(records_.opener->room());
    waiting_since_.reset();
    last_read_ = clock_.now();
    if (!n) co_return n.error();
    if (*n == 0) co_return Errc::closed;
    records_.opener->received(*n);
    co_return ok;
}

Task<Result<void>> SecureStream::opened() {
    for (;;) {
        auto opened = records_.opener->opened();
        if (!opened) co_return opened.error();
        if (*opened) co_return ok;
        auto received = co_await receive();
        if (!received) co_return received;
    }
}

Task<Result<ByteView>> SecureStream::read() {
    for (;;) {
        auto message = records_.opener->next();
        if (!message) co_return message.error();
        if (*message) co_return **message;
        auto received = co_await receive();
        if (!received) co_return received.error();
    }
}

Task<Result<void>> SecureStream::write_loop() {
    for (;;) {
        if (collect_) collect_();
        if (out_.empty()) {
            if (ending_) co_return ok;
            auto woken = co_await work_.wait();
            if (!woken) co_return woken;
            continue;
        }
        std::swap(out_, writing_);
        last_write_ = clock_.now();
        auto written = co_await stream_->write(writing_);
        if (!written) {
            failure_ = written.error();
            tell();
            co_return written;
        }
        writing_.clear();
        if (writing_.capacity() > kept_buffer_bytes) writing_.shrink_to_fit();
        tell();
    }
}

void SecureStream::tell() {
    written_.notify_all();
    if (tell_) tell_();
}

Task<Result<void>> SecureStream::keepalive_loop() {
    while (!failure_ && !ending_) {
        if (is_silent()) co_return Errc::timed_out;
        if (clock_.now() - last_write_ >= records_.keepalive) {
            last_write_ = clock_.now();
            if (writing_.empty()) writing_.shrink_to_fit();
            if (out_.empty()) out_.shrink_to_fit();
            write({});
        }
        auto slept = co_await clock_.sleep_until(last_write_ + records_.keepalive);
        if (!slept) co_return slept;
    }
    co_return ok;
}

void SecureStream::prod() {
    if (unsent_bytes() == 0) write({});
}

bool SecureStream::is_silent() const {
    const auto limit = records_.max_silence;
    return limit.count() > 0 && waiting_since_ && clock_.now() - *waiting_since_ >= limit;
}

void SecureStream::end_writes() {
    if (collect_) collect_();
    ending_ = true;
    work_.notify_all();
}

}  // namespace kp2p
