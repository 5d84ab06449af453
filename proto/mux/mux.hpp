// Mux: Protomux, channels over one stream of frames. Both sides are alike; a channel is named by
// (protocol, id) and is open when both have opened it. Source: npm protomux 3.12.1.
//   frame := uint(channel > 0) uint(type) payload     a message; the sender's own channel number
//          | 00 uint(control) ...                     batch 0, open 1, reject 2, close 3
//   open  := 00 01 uint(channel) string(protocol) buffer(id) handshake       the opener's number
//   reject := 00 02 uint(channel)    the opener's number      close := 00 03 uint(channel)    own
//
// Shape: give it a received frame, then take events until there is none; call open, send, reject
// and close at any time, then take frames to send until there is none. Events are made only as they
// are taken, so that a long frame costs no memory beyond itself; its bytes must stay until
// consumed(). After an error the stream must be destroyed.
//
// A remote open that no local channel matches is an event and waits; messages for it wait too. The
// owner opens the same (protocol, id), now or later, or rejects it.
#pragma once

#include <deque>
#include <optional>
#include <variant>

#include "proto/compact.hpp"
#include "proto/encoded.hpp"
#include "proto/mux/batch.hpp"

namespace kp2p::proto {

enum class ChannelId : std::uint64_t {};        // our number for a channel, reused after its end
enum class RemoteChannelId : std::uint64_t {};  // the other's number

// What a channel is opened as: both ends pair those of one name.
struct MuxName {
    std::string protocol;
    ByteVector id;  // empty is the same as none
    friend bool operator==(const MuxName&, const MuxName&) = default;
};

struct RemoteOpen {  // waits for open() or reject()
    RemoteChannelId remote;
    MuxName name;
    ByteVector handshake;
};
struct ChannelOpened {
    ChannelId channel;
    ByteVector handshake;  // the other's
};
struct ChannelMessage {
    ChannelId channel;
    std::uint64_t type;
    Payload payload;
};
struct ChannelClosed {  // by the other side; the number is free
    enum class Why { closed, rejected };
    ChannelId channel;
    Why why;
};
using MuxEvent = std::variant<RemoteOpen, ChannelOpened, ChannelMessage, ChannelClosed>;

class Mux {
  public:
    // Channels that the other may number; one more is an error.
    static constexpr std::size_t max_remote_channels = 1024;
    // Remote opens that wait, and what each may hold in names and handshake: more are rejected.
    static constexpr std::size_t max_waiting_opens = 64, max_open_bytes = 16 * 1024;
    // Messages for waiting opens, counted with 512 bytes each: above it no event is made until
    // opens are answered.
    static constexpr std::size_t max_waiting_bytes = 32768;
    // Rejects that the other does not read: more are an error.
    static constexpr std::size_t max_unsent_rejects = 4096;
    // A frame of collected messages is closed when it has reached this size.
    static constexpr std::size_t batch_bytes = 64 * 1024;

    ChannelId open(MuxName name, ByteView handshake);
    // No effect if the open does not wait any more.
    void reject(RemoteChannelId remote);
    // Only with a channel from open() that is not closed yet, by either side.
    void close(ChannelId channel);
    void send(ChannelId channel, std::uint64_t type, ByteView payload);
    // What comes before the payload in a frame that the caller makes, to spare a copy. All frames
    // of next_frame() go before it.
    ByteVector message_head(ChannelId channel, std::uint64_t type) const;
    std::optional<ByteVector> next_frame();
    std::size_t unsent_bytes() const { return unsent_bytes_ + batch_.size_bytes(); }

    // Only when consumed(). `keeper`, if any, keeps the frame where it is, as long as anybody holds
    // it: then a long message is not copied out of it.
    void receive(ByteView frame, std::shared_ptr<const void> keeper = nullptr);
    Result<std::optional<MuxEvent>> next_event();
    // After an error: which limit the other has passed, a sentence; empty if none.
    const std::string& why() const { return why_; }
    // Of what an open() has made happen by itself, without reading on in the frame.
    std::optional<MuxEvent> next_ready();
    // Nothing is left of the frame. When false and there is no event, the mux is stalled.
    bool consumed() const { return rest_.empty(); }
    bool stalled() const { return waiting_bytes_ > max_waiting_bytes; }

  private:
    struct Local {
        enum class State { free, opening, open, closing } state = State::free;
        MuxName name;
        std::uint64_t order = 0;  // of opening
        RemoteChannelId remote{};
    };
    struct Waiting {
        MuxName name;
        ByteVector handshake;
        std::uint64_t order;
        std::deque<ChannelMessage> messages;
    };
    using Remote = std::variant<std::monostate, Waiting, ChannelId>;  // free, waiting, live

    Local& local(ChannelId channel);
    Remote* remote(RemoteChannelId remote);
    Waiting* oldest_waiting(const MuxName& name, RemoteChannelId& at);
    ChannelId new_local(MuxName name);
    void free_local(ChannelId channel);
    void collect(std::uint64_t channel, ByteView head, ByteView rest);
    Result<void> step();
    Result<void> on_item(std::uint64_t channel, ByteView item);
    Result<void> on_control(ByteView item);
    Result<void> on_message(RemoteChannelId remote, ByteView item);
    Result<void> on_open(Reader& reader);
    Result<void> on_reject(ChannelId channel);
    void on_close(RemoteChannelId remote);
    Result<void> refuse(std::string why);
    bool pair_with_opening(RemoteChannelId remote, const MuxName& name, ByteView handshake);

    std::vector<Local> locals_;    // by number, from 1
    std::vector<Remote> remotes_;  // likewise
    std::vector<ChannelId> free_;  // last freed, first used
    std::uint64_t orders_ = 0;
    std::size_t waiting_opens_ = 0, waiting_bytes_ = 0, unsent_rejects_ = 0;

    ByteView rest_;  // of the frame
    std::shared_ptr<const void> keeper_;
    std::optional<std::uint64_t> batch_channel_;  // of the next item, when the frame is a batch
    std::deque<MuxEvent> events_;

    MuxBatch batch_;
    std::deque<ByteVector> frames_;
    std::size_t unsent_bytes_ = 0;  // of frames_
    std::string why_;
};

}  // namespace kp2p::proto
