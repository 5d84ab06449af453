// UdxStream: one end of a UDX stream: created, so that its id can be told to the peer; connected,
// when it is known where the peer is; closed. Lives in its owner's frame; when destroyed while
// open, it tells the peer so (which sees a reset). At most one coroutine reads and one writes at a
// time. Failures: asio::error::connection_reset when the peer destroyed it, Errc::timed_out when
// the peer stopped answering (13 seconds after the first sign), Errc::closed after destroy().
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>

#include "node/async/event.hpp"
#include "node/udx/udx_context.hpp"
#include "proto/udx/stream.hpp"

namespace kp2p {

// A way for a stream's packets.
struct UdxPath {
    Datagrams* socket = nullptr;  // of ours
    Endpoint remote;
    std::shared_ptr<void> keeper = nullptr;  // of a socket that would close without it
    // Through a relay, which has an id of its own for the peer's end: the path itself is no proof
    // that the peer is there, and any other is better.
    std::optional<std::uint32_t> relay_id = {};
    bool answered = false;  // the peer's packets answer one of ours, from before connect()

    friend bool operator==(const UdxPath& a, const UdxPath& b) {
        return a.socket == b.socket && a.remote == b.remote;
    }
};

class UdxStream {
  public:
    explicit UdxStream(UdxContext& context,
                       const proto::udx::StreamOptions& options = proto::udx::StreamOptions());
    UdxStream(const UdxStream&) = delete;
    UdxStream& operator=(const UdxStream&) = delete;
    ~UdxStream();

    std::uint32_t id() const { return id_; }

    // Packets that arrive before connect() are dropped unless there is a handler; it is told where
    // each came from until it, or anyone, calls connect(). It must not destroy the stream.
    void on_path(std::function<void(const UdxPath&)> handler);
    void connect(const UdxPath& path, std::uint32_t remote_id);
    // Completes paths that the peer shows later, through sockets that may need a keeper.
    using Keep = std::function<UdxPath(UdxPath)>;
    void keep_paths(Keep keep) { keep_ = std::move(keep); }
    bool connected() const { return machine_.connected(); }
    // Packets take another way to the same peer as soon as it has answered along that one. The
    // stream goes on as before until then, and if it does not.
    void change_remote(const UdxPath& path);
    // The way that packets take now, and since when. It changes by itself when the peer moves.
    const UdxPath& path() const { return paths_[machine_.path()]; }
    Clock::Time path_since() const { return path_since_; }

    // At least one byte, or 0: the peer has ended and everything was read.
    Task<Result<std::size_t>> read_some(std::span<std::uint8_t> out);
    // Returns when the bytes are queued, and waits while too many are.
    std::size_t queue_bytes() const { return machine_.queue_bytes(); }
    Task<Result<void>> write(ByteView bytes);
    Task<Result<void>> write(std::span<const ByteView> pieces);
    // Nothing more will be written. Waits until the peer has acknowledged everything.
    Task<Result<void>> finish();
    void destroy();

    // How long the peer has not answered what it is to acknowledge.
    std::optional<Clock::Span> unanswered() const;
    std::optional<Clock::Span> unacknowledged() const;  // nor has acknowledged a part of it
    // Waits until the peer has acknowledged something.
    Task<Result<void>> heard();
    const proto::udx::Stream& machine() const { return machine_; }

  private:
    friend class UdxContext;

    void receive(const UdxPath& path, const proto::udx::Packet& packet);
    unsigned number_of(const UdxPath& path);
    void note_path();
    void pump();
    void settle();  // after the machine changed: timers, waiters, the end
    void forget(const Datagrams& socket);
    std::error_code failure() const;

    UdxContext& context_;
    const std::uint32_t id_;
    std::uint32_t peer_id_ = 0;  // once connected
    proto::udx::Stream machine_;
    std::array<UdxPath, proto::udx::Stream::max_paths> paths_;  // as the machine numbers them
    UdxPath noted_path_;
    Clock::Time path_since_{};
    std::function<void(const UdxPath&)> on_path_;
    Keep keep_;
    std::unique_ptr<Alarm> alarm_;
    Event readable_, writable_;
    bool touched_ = false, registered_ = true;
};

}  // namespace kp2p
