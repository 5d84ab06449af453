#include "node/tunnel/frame_link.hpp"

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"

namespace kp2p {

using namespace proto::tunnel;

FrameLink::FrameLink(Executor executor, Clock& clock, std::unique_ptr<WebStream> stream,
                     std::unique_ptr<FrameReader> frames)
    : executor_(executor),
      clock_(clock),
      stream_(std::move(stream)),
      frames_(std::move(frames)),
      filled_(executor) {}

void FrameLink::send(const Frame& frame) {
    const bool may_be_lost = std::holds_alternative<DatagramFrame>(frame);
    if (finishing_ || (may_be_lost && outbox_.size() >= max_outbox_bytes)) return;
    append(outbox_, frame);
    filled_.notify_all();
}

void FrameLink::finish(End::Code code) {
    send(End{code});
    finishing_ = true;
    filled_.notify_all();
}

Task<> FrameLink::run(OnFrame on_frame) {
    auto body = [&](Tasks& tasks) -> Task<> {
        tasks.spawn(write_frames());
        co_await read_frames(on_frame);
        stream_->close();
        tasks.cancel();
    };
    (void)co_await with_tasks(body);
    stream_->close();
}

Task<> FrameLink::read_frames(const OnFrame& on_frame) {
    const auto silence = clock_.alarm(executor_, [this] { stream_->close(); });
    while (take_frames(on_frame)) {
        silence->set(clock_.now() + max_silence);
        auto read = co_await stream_->read_some(frames_->room());
        if (!read) co_return;
        frames_->filled(*read);
    }
    finish(End::Code::malformed);
    auto written = co_await clock_.sleep_for(std::chrono::seconds(1));
    (void)written;  // the other side is not waited for any longer
}

bool FrameLink::take_frames(const OnFrame& on_frame) {
    for (;;) {
        auto frame = frames_->next();
        if (!frame) return false;
        if (!*frame) return true;
        on_frame(**frame);
    }
}

Task<> FrameLink::write_frames() {
    for (;;) {
        while (outbox_.empty() && !finishing_) {
            auto woken = co_await with_timeout(clock_, keep_alive_interval, filled_.wait());
            if (woken) continue;
            if (woken.error() != Errc::timed_out) co_return;
            append(outbox_, KeepAlive{});
        }
        if (outbox_.empty()) break;
        const ByteVector bytes = std::exchange(outbox_, {});
        auto written = co_await stream_->write(bytes);
        if (!written) break;
    }
    stream_->close();
}

}  // namespace kp2p
