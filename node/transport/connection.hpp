// Connection: one secure connection to a node, with Protomux channels over it. It lives while
// run() does: the coroutine that runs it owns it; others may hold it longer and then find it
// closed. Used by one thread.
#pragma once

#include <functional>
#include <map>

#include "node/transport/mux_channel.hpp"
#include "node/transport/secure_stream.hpp"
#include "proto/crypto/noise.hpp"

namespace kp2p {

class Tasks;
using proto::RemoteOpen;
using proto::Role;

class Connection {
  public:
    // True if a channel of that name was opened, or will be very soon: until then what the other
    // sends on it waits, and a little more of that stops all reading. False rejects it.
    using OpenHandler = std::function<bool(const RemoteOpen&)>;

    Connection(Executor executor, Clock& clock, std::unique_ptr<ByteStream> stream,
               const proto::NoiseKeys& keys, proto::Records records);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    const NodeId& remote() const { return keys_.remote; }
    const HandshakeHash& handshake_hash() const { return keys_.hash; }
    Role role() const { return keys_.role; }
    // How it runs now, or ran last.
    Path path() const { return stream_ ? stream_->stream().path() : last_path_; }
    Path::Kind path_kind() const {
        return stream_ ? stream_->stream().path_kind() : last_path_.kind;
    }
    const UdxPath* udx_path() const { return stream_ ? stream_->stream().udx_path() : nullptr; }
    // Whether the other side is there: prod() asks it; how long nothing has been read; and how long
    // an answer that it owes is missing, of whatever kind or that something has arrived there
    // (ByteStream::unanswered(), unacknowledged()).
    void prod();
    Clock::Span unheard() const { return stream_ ? stream_->unheard() : Clock::Span::zero(); }
    std::optional<Clock::Span> unanswered() const;
    std::optional<Clock::Span> unacknowledged() const;
    bool stranded() const { return stream_ && stream_->stream().stranded(); }
    std::optional<ByteStream::Sendings> sendings() const {  // see ByteStream
        return stream_ ? stream_->stream().sendings() : std::nullopt;
    }
    // It is needed, though it carries nothing: whoever has this will not see it closed for that.
    using Hold = std::shared_ptr<const void>;
    Hold hold() const { return held_; }
    bool is_held() const { return held_.use_count() > 1; }
    // Waits until the other side has proven that it is there and has the keys; the reason if the
    // connection ends first.
    Task<Result<void>> established();
    // Waits until it is known to get what we send, too (ByteStream::heard()); likewise.
    Task<Result<void>> heard();
    bool is_heard() const { return heard_; }
    // Nothing is read of what the other side sends before this is called, so that handlers can be
    // set first.
    void start();
    bool is_started() const { return started_; }
    Task<Result<void>> started();  // waits for that, likewise
    // The other may make us hold long frames from now on, see SecureStream.
    void trust();
    // Waits for that; the reason if the connection ends first.
    Task<Result<void>> trusted();
    bool is_closed() const { return bool(why_); }
    bool was_established() const { return established_; }
    bool was_altered() const;  // it ended as what came was not what the other side has sealed
    // How it ended, a sentence: which limit was passed, or else what the error says.
    std::string ending() const { return words_.empty() ? why_.message() : words_; }

    // Opens our half of (protocol, id); ready when the other's half arrives. Errc::refused when it
    // is rejected, Errc::closed when the connection ends.
    Task<Result<std::shared_ptr<MuxChannel>>> open(std::string protocol, ByteVector id,
                                                   ByteVector handshake);
    // The same at once: what is sent on it waits over there for the other's half. It ends as open()
    // would fail.
    std::shared_ptr<MuxChannel> open_ahead(std::string protocol, ByteVector id,
                                           ByteVector handshake);
    // For opens of the other that no channel of ours matches. Protocols without a handler are
    // rejected. An empty handler removes it.
    void on_open(std::string protocol, OpenHandler handler);

    // Waits for the end and returns why: Errc::closed for an orderly one.
    Task<Result<void>> closed();
    // Ends it: what was sent still goes out, within a limit of time.
    void close();

    // Moves the connection until it ends; called once, by its owner. What it returns is why.
    // Cancelling it ends the connection at once.
    Task<Result<void>> run();

  private:
    friend class MuxChannel;

    Task<> write_loop(Tasks& all);
    Task<> read_loop(Tasks& all);
    Task<> keepalive_loop(Tasks& all);
    Task<> limit_goodbye(Tasks& all);
    Task<> note_heard();
    Task<Result<void>> until(const bool& holds);  // or the end
    Task<Result<void>> read_frames();
    Task<Result<void>> drain(proto::MuxEvent event);  // apply() when its channel has room
    void apply(proto::MuxEvent event);
    void collect();
    void send(MuxChannel& channel, std::uint64_t type, ByteView head, ByteView rest);
    bool congested() const;
    void close(MuxChannel& channel);
    void end(std::error_code why);
    void explain(std::string words);  // the end that comes now

    Clock& clock_;
    proto::NoiseKeys keys_;
    Path last_path_;
    Executor executor_;
    std::unique_ptr<SecureStream> stream_;  // null after the end
    proto::Mux mux_;
    std::map<proto::ChannelId, MuxChannel*> channels_;
    std::uint64_t channels_opened_ = 0;
    std::map<std::string, OpenHandler> open_handlers_;
    bool established_ = false, heard_ = false, started_ = false, trusted_ = false;
    bool remote_ended_ = false;
    Hold held_ = std::make_shared<const char>();
    std::error_code why_;  // it has ended
    std::string words_;    // for that, if the error has not enough
    Event state_changed_;  // established, started or ended, by either side
    Event drained_;        // a channel has room, or an open was answered
};

}  // namespace kp2p
