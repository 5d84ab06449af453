// MuxChannel: one Protomux channel of a Connection, open on our side at least. Its owner holds it;
// when the last owner lets go it closes. It may outlive its connection: then everything is
// Errc::closed. Used by the connection's thread.
#pragma once

#include <deque>

#include "node/async/event.hpp"
#include "proto/mux/mux.hpp"

namespace kp2p {

class Connection;

struct MuxMessage {
    std::uint64_t type = 0;  // the protocol's number for the kind of message
    proto::Payload payload;
};

class MuxChannel {
  public:
    // Messages that wait for receive(), each counted with an overhead, at most this much beyond
    // one: then the whole connection is not read, since Protomux has no flow control of channels.
    static constexpr std::size_t max_queued_bytes = 1024 * 1024;
    // Of a message. Sending a longer one ends the connection.
    static constexpr std::size_t max_payload_bytes = 8 * 1024 * 1024;

    MuxChannel(Executor executor, Connection& connection);
    MuxChannel(const MuxChannel&) = delete;
    MuxChannel& operator=(const MuxChannel&) = delete;
    ~MuxChannel();

    // What the other side attached to its open.
    const ByteVector& remote_handshake() const { return remote_handshake_; }
    // Whether the connection has not too much to send.
    bool has_room() const;
    // Waits for that. Errc::closed as send() has it.
    Task<Result<void>> room();
    // Waits for room; then the message is on its way, in the order
    // of the sends of one caller. The payload is `head` and then `rest`, which the caller keeps
    // alive until then. Errc::closed when either side has closed the channel, Errc::limit_reached
    // for one that is too long.
    Task<Result<void>> send(std::uint64_t type, ByteView head, ByteView rest);
    Task<Result<void>> send(std::uint64_t type, ByteView payload) {
        return send(type, payload, ByteView());
    }
    // The next message; after the end what had arrived, then Errc::closed.
    Task<Result<MuxMessage>> receive();
    void close();
    bool is_open() const { return open_ && !closed_; }  // on both sides
    bool is_closed() const { return closed_; }

  private:
    friend class Connection;

    void opened(ByteVector handshake);
    void deliver(MuxMessage message);
    void end(std::error_code why);  // by the other side, or with the connection
    bool full() const { return queued_bytes_ >= max_queued_bytes; }

    Connection* connection_;    // null once it has ended or the channel is closed
    proto::ChannelId id_{};     // used again by another channel after this one
    std::uint64_t serial_ = 0;  // never used again
    ByteVector remote_handshake_;
    std::deque<MuxMessage> queue_;
    std::size_t queued_bytes_ = 0;
    bool open_ = false, closed_ = false;
    std::error_code why_;
    Event changed_;
};

}  // namespace kp2p
