// SecureStream: encrypted messages over a ByteStream, as records with their keepalive.
// Shape: the owner runs write_loop() and keepalive_loop() beside its own loop of read(). write()
// encrypts at once into the outgoing buffer and never waits: whoever makes messages waits for
// writable() first, so that the buffer stays near its watermark.
#pragma once

#include <algorithm>
#include <functional>

#include "node/async/clock.hpp"
#include "node/async/event.hpp"
#include "node/transport/byte_stream.hpp"
#include "proto/record/records.hpp"

namespace kp2p {

class SecureStream {
  public:
    // Above this many bytes writable() waits. It holds a few bulk messages, so that the stream
    // below never runs dry while they are made.
    static constexpr std::size_t high_watermark_bytes = 512 * 1024;
    // What a frame may have before allow_large_frames(): anybody can connect to us.
    static constexpr std::size_t max_early_frame_bytes = 128 * 1024;
    // A Protomux batch of the reference has up to 8 MiB and one message more.
    static constexpr std::size_t max_frame_bytes = 9 * 1024 * 1024;

    // What the records begin with leaves with the first write.
    SecureStream(Executor executor, Clock& clock, std::unique_ptr<ByteStream> stream,
                 proto::Records records);

    // One message, the concatenation of the parts, as long as the records allow.
    void write(std::span<const ByteView> parts);
    std::size_t unsent_bytes() const { return out_.size() + writing_.size(); }
    // The watermark, or what the stream leaves of it.
    bool congested(std::size_t more_bytes = 0) const {
        const auto most = std::min(high_watermark_bytes, stream_->queue_bytes());
        return unsent_bytes() + more_bytes >= most;
    }
    // Waits until fewer bytes than that are unsent; the error that ended the writing.
    Task<Result<void>> writable();
    void allow_large_frames() { records_.opener->set_max_frame_bytes(max_frame_bytes); }
    // As of now.
    std::size_t frame_limit_bytes() const { return records_.opener->max_frame_bytes(); }
    // Waits for the other's header, by which it proves that it has the keys. Optional, before the
    // first read().
    Task<Result<void>> opened();
    // The next message, valid until the next call, and longer with what keep() gives behind that
    // (Opener::keep()). Errc::closed when the other side has ended.
    Task<Result<ByteView>> read();
    std::shared_ptr<const void> keep() { return records_.opener->keep(); }

    // Both return when writing has failed, or the owner has said end_writes() and all is written.
    Task<Result<void>> write_loop();
    // Errc::timed_out too, when the other side has sent nothing for longer than it ever would.
    Task<Result<void>> keepalive_loop();
    // Called when write_loop is about to write, to add what has been collected; wake() makes it
    // soon.
    void before_write(std::function<void()> collect) { collect_ = std::move(collect); }
    // Called when there is room again, or writing has failed.
    void after_write(std::function<void()> tell) { tell_ = std::move(tell); }
    void wake() { work_.notify_all(); }
    // Asks the other side for a sign of life, if nothing that it has to answer is under way.
    void prod();
    // How long nothing has been read.
    Clock::Span unheard() const { return clock_.now() - last_read_; }
    void end_writes();
    ByteStream& stream() { return *stream_; }
    const ByteStream& stream() const { return *stream_; }

  private:
    void tell();
    Task<Result<void>> receive();
    bool is_silent() const;

    Clock& clock_;
    std::unique_ptr<ByteStream> stream_;
    BulkBytes out_, writing_;  // being filled, being written
    proto::Records records_;
    Clock::Time last_write_, last_read_;
    std::optional<Clock::Time> waiting_since_;  // for the other side to send anything
    std::function<void()> collect_, tell_;
    Event work_, written_;
    bool ending_ = false;
    std::error_code failure_;  // of writing
};

}  // namespace kp2p
