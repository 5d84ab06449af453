// FrameLink: one side of a datagram tunnel: sends and receives frames over a stream, keeps it
// alive, and notices when the other side is gone. Datagrams that the stream does not take in time
// are lost. Shape: send() at any time; run() until it ends. One thread.
#pragma once

#include <functional>

#include "node/async/clock.hpp"
#include "node/async/event.hpp"
#include "node/tunnel/web_stream.hpp"
#include "proto/tunnel/frame.hpp"

namespace kp2p {

class FrameLink {
  public:
    static constexpr std::size_t max_outbox_bytes = 256 << 10;
    // Proxies end connections that carry nothing for as little as ten seconds.
    static constexpr std::chrono::seconds keep_alive_interval{5}, max_silence{12};

    FrameLink(Executor executor, Clock& clock, std::unique_ptr<WebStream> stream,
              std::unique_ptr<proto::tunnel::FrameReader> frames);
    FrameLink(const FrameLink&) = delete;
    FrameLink& operator=(const FrameLink&) = delete;

    void send(const proto::tunnel::Frame& frame);
    // The last frame: run() ends when it was sent.
    void finish(proto::tunnel::End::Code code);
    // Ends, with the stream closed, when that fails, after an end() or finish(), or when it was
    // cancelled. What is malformed ends it too, and the other side is told.
    using OnFrame = std::function<void(const proto::tunnel::Frame&)>;
    Task<> run(OnFrame on_frame);
    void end() { stream_->close(); }

  private:
    Task<> read_frames(const OnFrame& on_frame);
    Task<> write_frames();
    bool take_frames(const OnFrame& on_frame);

    Executor executor_;
    Clock& clock_;
    std::unique_ptr<WebStream> stream_;
    std::unique_ptr<proto::tunnel::FrameReader> frames_;
    ByteVector outbox_;
    Event filled_;
    bool finishing_ = false;
};

}  // namespace kp2p
