// Rpc: moves a proto::dht::Node with real sockets and time. Sockets are attached to it; requests
// are started with a handler, or awaited. Runs on the loop's thread; handlers are called from the
// read loops and from timers, and may start and cancel requests.
#pragma once

#include <functional>
#include <map>
#include <unordered_map>

#include "node/async/clock.hpp"
#include "node/async/event.hpp"
#include "node/udx/udp_port.hpp"
#include "proto/dht/node/node.hpp"
#include "proto/outcome.hpp"

namespace kp2p {

class Rpc {
  public:
    using Handler = std::function<void(const proto::dht::RequestEvent&)>;
    using Reply = proto::dht::Reply;

    Rpc(Executor executor, Clock& clock, const proto::dht::Node::Setup& setup);

    // From now on the port's RPC datagrams come here, and `id` names it. It outlives its
    // attachment.
    void attach(proto::dht::SocketId id, UdpPort& port);
    proto::dht::SocketId attach(UdpPort& port);  // for hole punching: a new id
    void detach(proto::dht::SocketId id);
    UdpPort* port(proto::dht::SocketId id);

    // The handler gets `slow` for each repetition and then `reply` or `failed`, but nothing after
    // cancel(). Errc::limit_reached when max_pending are under way.
    Result<proto::dht::RequestKey> start(proto::dht::Ask ask, Handler handler);
    static constexpr std::size_t max_pending = proto::dht::Requests::max_pending;
    std::optional<Clock::Time> last_refused() const { return refused_; }  // for that
    void cancel(proto::dht::RequestKey id);
    // Errc::timed_out when no reply came; a reply with an error code is a reply.
    Task<Result<Reply>> request(proto::dht::Ask ask);
    // Asks all at once and waits for all to end. `answered` is called for each reply, with the
    // index of its ask. Returns how many replies came, with whatever error code.
    using Answered = std::function<void(std::size_t, const Reply&)>;
    Task<Result<std::size_t>> request_all(std::vector<proto::dht::Ask> asks, Answered answered);
    // The same, but gives up those that have not ended as soon as it `is_enough`.
    struct Progress {
        std::size_t under_way = 0;
        std::size_t overdue = 0;  // of these: two transmissions without answer
        std::size_t replies = 0;
    };
    using IsEnough = std::function<bool(const Progress&)>;
    Task<Result<std::size_t>> request_until(std::vector<proto::dht::Ask> asks, Answered answered,
                                            IsEnough is_enough);

    void answer(proto::dht::SocketId from,
                const proto::dht::ForUs<proto::dht::PeerHandshake>& handshake, ByteVector noise);
    void answer(proto::dht::SocketId from,
                const proto::dht::ForUs<proto::dht::PeerHolepunch>& holepunch, ByteVector payload);
    void ask_for_proof(proto::dht::SocketId from, const Endpoint& address);
    std::function<void(const proto::dht::ForUs<proto::dht::PeerHandshake>&)> on_handshake;
    std::function<void(const proto::dht::ForUs<proto::dht::PeerHolepunch>&)> on_holepunch;

    void start_over();  // with all that is unanswered: it went another way
    void tick();
    Clock& clock() { return clock_; }
    const Clock& clock() const { return clock_; }
    Executor executor() { return executor_; }
    proto::dht::Node& node() { return node_; }
    const proto::dht::Node& node() const { return node_; }
    bool is_silent(const Endpoint& node) { return node_.is_silent(clock_.now(), node); }

  private:
    void receive(proto::dht::SocketId on, const Datagram& datagram);
    void handle(const proto::dht::NodeEvent& event);
    void pump();

    Executor executor_;
    Clock& clock_;
    proto::dht::Node node_;
    std::map<proto::dht::SocketId, UdpPort*> ports_;
    std::uint32_t next_socket_ = 2;
    std::unordered_map<proto::dht::RequestKey, Handler> handlers_;
    std::unique_ptr<Alarm> alarm_;  // at the node's deadline
    std::optional<Clock::Time> refused_;
    bool pumping_ = false;
};

// Cancels a request when it goes.
class PendingRequest {
  public:
    PendingRequest(Rpc& rpc, proto::dht::RequestKey id) : rpc_(&rpc), id_(id) {}
    PendingRequest(PendingRequest&& other) noexcept
        : rpc_(std::exchange(other.rpc_, nullptr)), id_(other.id_) {}
    PendingRequest& operator=(PendingRequest&& other) noexcept {
        std::swap(rpc_, other.rpc_);
        std::swap(id_, other.id_);
        return *this;
    }
    ~PendingRequest() {
        if (rpc_) rpc_->cancel(id_);
    }

  private:
    Rpc* rpc_;
    proto::dht::RequestKey id_;
};

}  // namespace kp2p
