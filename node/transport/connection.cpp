#include "node/transport/connection.hpp"

#include "node/async/tasks.hpp"
#include "node/async/timeout.hpp"
#include "proto/outcome.hpp"

namespace kp2p {
namespace {

// Smaller messages are collected into one frame, larger ones are frames of their own.
constexpr std::size_t min_bulk_bytes = 4096;
// How long an orderly end may take to send what is left.
constexpr std::chrono::seconds max_goodbye{2};
// Frames that are read in one go before other work gets its turn.
constexpr int frames_per_turn = 32;

}  // namespace

Connection::Connection(Executor executor, Clock& clock, std::unique_ptr<ByteStream> stream,
                       const proto::NoiseKeys& keys, proto::Records records)
    : clock_(clock),
      keys_(keys),
      executor_(executor),
      stream_(
          std::make_unique<SecureStream>(executor, clock, std::move(stream), std::move(records))),
      state_changed_(executor),
      drained_(executor) {
    stream_->before_write([this] { collect(); });
    stream_->after_write([this] {
        for (auto& [id, channel] : channels_) channel->changed_.notify_all();
    });
}

Connection::~Connection() { end(Errc::closed); }

// ---- channels ----

std::shared_ptr<MuxChannel> Connection::open_ahead(std::string protocol, ByteVector id,
                                                   ByteVector handshake) {
    auto channel = std::make_shared<MuxChannel>(executor_, *this);
    if (why_) {
        channel->end(Errc::closed);
        return channel;
    }
    proto::MuxName name{std::move(protocol), std::move(id)};
    channel->id_ = mux_.open(std::move(name), handshake);
    channel->serial_ = ++channels_opened_;
    channels_[channel->id_] = channel.get();
    stream_->wake();
    while (auto event = mux_.next_ready()) apply(std::move(*event));
    drained_.notify_all();
    return channel;
}

Task<Result<std::shared_ptr<MuxChannel>>> Connection::open(std::string protocol, ByteVector id,
                                                           ByteVector handshake) {
    auto channel = open_ahead(std::move(protocol), std::move(id), std::move(handshake));
    while (!channel->open_ && !channel->closed_) {
        auto woken = co_await channel->changed_.wait();
        if (!woken) co_return woken.error();
    }
    if (!channel->open_) co_return channel->why_;
    co_return channel;
}

void Connection::on_open(std::string protocol, OpenHandler handler) {
    open_handlers_[std::move(protocol)] = std::move(handler);
}

bool Connection::congested() const { return stream_->congested(mux_.unsent_bytes()); }

void Connection::send(MuxChannel& channel, std::uint64_t type, ByteView head, ByteView rest) {
    if (head.size() + rest.size() < min_bulk_bytes) {
        ByteVector payload(head.begin(), head.end());
        payload.insert(payload.end(), rest.begin(), rest.end());
        mux_.send(channel.id_, type, payload);
        stream_->wake();
    } else {
        collect();
        const ByteVector mux_head = mux_.message_head(channel.id_, type);
        const std::array<ByteView, 3> parts{mux_head, head, rest};
        stream_->write(parts);
    }
}

void Connection::close(MuxChannel& channel) {
    mux_.close(channel.id_);
    channels_.erase(channel.id_);
    stream_->wake();
    drained_.notify_all();  // if it was full, the others need not wait for it any more
}

void Connection::collect() {
    if (why_) return;
    while (auto frame = mux_.next_frame()) {
        const ByteView part(*frame);
        stream_->write({&part, 1});
    }
}

// ---- the other side ----

void Connection::apply(proto::MuxEvent event) {
    if (auto* open = std::get_if<RemoteOpen>(&event)) {
        const auto handler = open_handlers_.find(open->name.protocol);
        const bool wanted = handler != open_handlers_.end() && handler->second &&
                            OpenHandler(handler->second)(*open);
        if (!wanted && !why_) mux_.reject(open->remote);
        return;
    }
    if (auto* opened = std::get_if<proto::ChannelOpened>(&event)) {
        const auto at = channels_.find(opened->channel);
        if (at != channels_.end()) at->second->opened(std::move(opened->handshake));
    } else if (auto* message = std::get_if<proto::ChannelMessage>(&event)) {
        const auto at = channels_.find(message->channel);
        if (at != channels_.end())
            at->second->deliver(MuxMessage{message->type, std::move(message->payload)});
    } else if (auto* closed = std::get_if<proto::ChannelClosed>(&event)) {
        const auto at = channels_.find(closed->channel);
        if (at == channels_.end()) return;
        MuxChannel& channel = *at->second;
        channels_.erase(at);
        const bool rejected = closed->why == proto::ChannelClosed::Why::rejected;
        channel.end(rejected ? Errc::refused : Errc::closed);
    }
}

Task<Result<void>> Connection::drain(proto::MuxEvent event) {
    if (const auto* message = std::get_if<proto::ChannelMessage>(&event)) {
        std::optional<std::uint64_t> serial;
        for (;;) {
            const auto at = channels_.find(message->channel);
            if (at == channels_.end()) co_return ok;  // closed meanwhile
            if (!serial) serial = at->second->serial_;
            if (at->second->serial_ != *serial) co_return ok;  // its number names another now
            if (!at->second->full()) break;
            auto woken = co_await drained_.wait();
            if (!woken) co_return woken;
        }
    }
    apply(std::move(event));
    co_return ok;
}

Task<Result<void>> Connection::read_frames() {
    auto opened = co_await stream_->opened();
    if (!opened) co_return opened;
    established_ = true;
    state_changed_.notify_all();
    while (!started_ && !why_) {
        auto woken = co_await state_changed_.wait();
        if (!woken) co_return woken;
    }
    for (int frames = 1;; frames++) {
        if (frames % frames_per_turn == 0) co_await asio::post(executor_, asio::use_awaitable);
        auto frame = co_await stream_->read();
        if (!frame && frame.error() == proto::Errc::too_long)
            explain("it sends a frame of more than " +
                    std::to_string(stream_->frame_limit_bytes()) + " bytes");
        if (!frame && frame.error() == proto::Errc::bad_decryption)
            explain("what it sends arrives altered");
        if (!frame) co_return frame.error();
        if (why_) continue;  // we have closed: only the end of the stream matters now
        mux_.receive(*frame, stream_->keep());
        while (!why_) {
            auto event = mux_.next_event();
            if (!event) explain(mux_.why());
            if (!event) co_return event.error();
            Result<void> done = ok;
            if (*event) {
                done = co_await drain(std::move(**event));
            } else if (mux_.consumed()) {
                break;
            } else {
                done = co_await drained_.wait();  // opens that wait for our answer
            }
            if (!done) co_return done;
        }
        if (!why_ && mux_.unsent_bytes() > 0) stream_->wake();
    }
}

// ---- life and death ----

Task<> Connection::read_loop(Tasks& all) {
    auto ended = co_await read_frames();
    const std::error_code why = ended.error();
    if (why == asio::error::operation_aborted) co_return;
    if (why == Errc::closed) {
        remote_ended_ = true;
        state_changed_.notify_all();
        close();  // the other side has ended in order: so do we
    } else {
        end(why);
        all.cancel();
    }
}

Task<> Connection::write_loop(Tasks& all) {
    auto written = co_await stream_->write_loop();
    if (written) {
        auto limited = with_timeout(clock_, max_goodbye, stream_->stream().finish());
        auto finished = co_await std::move(limited);
        if (!finished) end(finished.error());
        // The other's end is still on its way: to go before it comes would be a reset over there.
        while (finished && !remote_ended_) {
            auto woken = co_await state_changed_.wait();
            if (!woken) co_return;
        }
    } else if (written.error() == asio::error::operation_aborted) {
        co_return;
    } else {
        end(written.error());
    }
    all.cancel();
}

Task<> Connection::keepalive_loop(Tasks& all) {
    auto ended = co_await stream_->keepalive_loop();
    if (ended || ended.error() != Errc::timed_out) co_return;  // what ended it ends the writing too
    end(ended.error());
    all.cancel();
}

Task<> Connection::limit_goodbye(Tasks& all) {
    auto over = co_await closed();
    if (over || over.error() == asio::error::operation_aborted) co_return;
    auto slept = co_await clock_.sleep_for(max_goodbye);
    if (slept) all.cancel();
}

Task<> Connection::note_heard() {
    auto heard = co_await stream_->stream().heard();
    if (!heard) co_return;
    heard_ = true;
    state_changed_.notify_all();
}

Task<Result<void>> Connection::run() {
    auto ran = co_await with_tasks([this](Tasks& all) -> Task<> {
        all.spawn(write_loop(all));
        all.spawn(keepalive_loop(all));
        all.spawn(limit_goodbye(all));
        all.spawn(note_heard());
        co_await read_loop(all);
    });
    end(ran ? Errc::closed : Errc::canceled);
    last_path_ = stream_->stream().path();
    stream_->stream().destroy();
    stream_.reset();
    co_return why_;
}

Task<Result<void>> Connection::closed() {
    while (!why_) {
        auto woken = co_await state_changed_.wait();
        if (!woken) co_return woken;
    }
    co_return why_;
}

Task<Result<void>> Connection::until(const bool& holds) {
    while (!holds && !why_) {
        auto woken = co_await state_changed_.wait();
        if (!woken) co_return woken;
    }
    if (holds) co_return ok;
    co_return why_;
}

Task<Result<void>> Connection::established() { return until(established_); }

Task<Result<void>> Connection::heard() { return until(heard_); }

Task<Result<void>> Connection::started() { return until(started_); }

void Connection::prod() {
    if (established_ && !why_) stream_->prod();
}

std::optional<Clock::Span> Connection::unanswered() const {
    if (!stream_) return std::nullopt;
    return stream_->stream().unanswered();
}

std::optional<Clock::Span> Connection::unacknowledged() const {
    if (!stream_) return std::nullopt;
    return stream_->stream().unacknowledged();
}

bool Connection::was_altered() const { return why_ == proto::Errc::bad_decryption; }

void Connection::start() {
    started_ = true;
    state_changed_.notify_all();
}

void Connection::trust() {
    if (stream_) stream_->allow_large_frames();
    trusted_ = true;
    state_changed_.notify_all();
}

Task<Result<void>> Connection::trusted() {
    while (!trusted_ && !why_) {
        auto woken = co_await state_changed_.wait();
        if (!woken) co_return woken;
    }
    if (trusted_ && !why_) co_return ok;
    co_return why_;
}

void Connection::close() {
    if (why_) return;
    collect();
    stream_->end_writes();
    end(Errc::closed);
}

void Connection::explain(std::string words) {
    if (!why_) words_ = std::move(words);
}

void Connection::end(std::error_code why) {
    if (why_) return;
    why_ = why;
    for (auto& [id, channel] : std::exchange(channels_, {})) channel->end(why);
    open_handlers_.clear();
    state_changed_.notify_all();
    drained_.notify_all();
}

}  // namespace kp2p
