// SocketPool: the sockets that hole punching opens, each with a port of its own at our NAT. One
// lives as long as somebody holds it: a punch that is under way, or the stream that goes through
// it; and after a stream some seconds longer, in which late packets are answered.
// Shape: spawn run(); open() sockets; whoever drops the last hold closes. Once run() has ended
// nothing is received any more.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "node/dht/dht.hpp"
#include "node/udx/udx_stream.hpp"
#include "proto/punch/budget.hpp"

namespace kp2p {

class Tasks;

// One hold on a socket is one shared_ptr.
class PunchSocket {
  public:
    using Probed = std::function<void(const Endpoint& from)>;

    ~PunchSocket();
    PunchSocket(const PunchSocket&) = delete;

    Datagrams& datagrams() { return state_->port->socket(); }
    proto::dht::SocketId id() const { return state_->id; }
    void on_probe(Probed handler) { state_->on_probe = std::move(handler); }
    void carries_stream() { state_->carries_stream = true; }

  private:
    friend class SocketPool;
    struct State {
        explicit State(Executor executor) : changed(executor) {}

        std::unique_ptr<UdpPort> port;
        proto::dht::SocketId id{};
        Probed on_probe;
        bool carries_stream = false, released = false, held_again = false;
        Event changed;
    };
    explicit PunchSocket(std::shared_ptr<State> state) : state_(std::move(state)) {}

    std::shared_ptr<State> state_;
};

class SocketPool {
  public:
    using Open = std::function<Result<std::unique_ptr<Datagrams>>()>;

    // `open` gives a socket on a free port.
    SocketPool(Runtime& runtime, Dht& dht, UdxContext& udx, Open open);

    Task<> run();
    // Errc::limit_reached, Errc::closed while run() is not, or what the system says.
    Result<std::shared_ptr<PunchSocket>> open() { return open(open_); }
    Result<std::shared_ptr<PunchSocket>> open(const Open& open);  // in another way
    // Nothing if it is closed already; while it is not, also after the last hold was dropped.
    std::shared_ptr<PunchSocket> hold(proto::dht::SocketId id);
    // The path, with a hold on its socket if it is one of ours.
    UdxPath keeping(UdxPath path);
    proto::punch::Budget& budget() { return budget_; }
    std::size_t size() const { return sockets_.size(); }

  private:
    struct Entry {
        std::shared_ptr<PunchSocket::State> state;
        std::weak_ptr<PunchSocket> hold;
    };
    Task<> serve(std::shared_ptr<PunchSocket::State> state);
    static std::shared_ptr<PunchSocket> hold(Entry& entry);

    Runtime& runtime_;
    Dht& dht_;
    UdxContext& udx_;
    Open open_;
    proto::punch::Budget budget_;
    std::map<const Datagrams*, Entry> sockets_;
    Tasks* tasks_ = nullptr;  // while run() is
};

}  // namespace kp2p
