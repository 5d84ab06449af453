// UdxStream: one end of a UDX stream: created, so that its id can be told to the peer; connected,
// when it is known where the peer is; closed. Lives in its owner's frame; when destroyed while
// open, it tells the peer so (which sees a reset). At most one coroutine reads and one writes at a
// time. Failures: asio::error::connection_reset when the peer destroyed it, Errc::timed_out when
// the peer stopped answering (13 seconds after the first sign), Errc::closed after destroy().
#pragma once

#include <array>
#include <functional>

#include "node/async/event.hpp"
#include "node/udx/udx_context.hpp"
#include "proto/udx/stream.hpp"

namespace kp2p {

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
    void on_path(std::function<void(Datagrams&, const Endpoint&)> handler);
    void connect(Datagrams& socket, std::uint32_t remote_id, const Endpoint& remote);
    bool connected() const { return machine_.connected(); }
    // Packets sent from now on take another way to the same peer.
    void change_remote(Datagrams& socket, std::uint32_t remote_id, const Endpoint& remote);
    Endpoint remote() const { return paths_[machine_.path() % paths_.size()].remote; }

    // At least one byte, or 0: the peer has ended and everything was read.
    Task<Result<std::size_t>> read_some(std::span<std::uint8_t> out);
    // Returns when the bytes are queued, and waits while too many are.
    Task<Result<void>> write(ByteView bytes);
    Task<Result<void>> write(std::span<const ByteView> pieces);
    // Nothing more will be written. Waits until the peer has acknowledged everything.
    Task<Result<void>> finish();
    void destroy();

    const proto::udx::Stream& machine() const { return machine_; }

  private:
    friend class UdxContext;

    struct Path {
        Datagrams* socket = nullptr;
        Endpoint remote;
    };

    void receive(Datagrams& socket, const Endpoint& from, const proto::udx::Packet& packet);
    void pump();
    void settle();  // after the machine changed: timers, waiters, the end
    bool uses(const Datagrams& socket) const;
    std::error_code failure() const;
    proto::udx::Remote remote_of(Datagrams& socket, std::uint32_t id, const Endpoint& remote);

    UdxContext& context_;
    const std::uint32_t id_;
    proto::udx::Stream machine_;
    std::array<Path, proto::udx::Stream::max_paths> paths_;
    std::function<void(Datagrams&, const Endpoint&)> on_path_;
    std::unique_ptr<Alarm> alarm_;
    Event readable_, writable_;
    bool touched_ = false, registered_ = true;
};

}  // namespace kp2p
