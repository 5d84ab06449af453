// Puncher: the sockets of one hole punch, and looking at their NAT; what a client's and a server's
// punch have in common beside their machines.
#pragma once

#include "node/reach/socket_pool.hpp"
#include "proto/punch/side.hpp"

namespace kp2p {

class Puncher {
  public:
    struct Heard {
        std::function<void(const proto::dht::NatClassifier::Sample&)> sample;
        std::function<void()> samples_over;
        std::function<void(std::size_t socket, const Endpoint& from)> probe;
    };
    // `heard` is called until the puncher goes, which it may not do within such a call.
    Puncher(Dht& dht, SocketPool& pool, Heard heard, SocketPool::Open open = nullptr)
        : dht_(dht), pool_(pool), open_(std::move(open)), heard_(std::move(heard)) {}
    Puncher(const Puncher&) = delete;
    ~Puncher();

    // Socket 0, anew. Its NAT is looked at in a task of `all`.
    Result<void> open(Tasks& all);
    proto::dht::SocketId id() const { return sockets_.at(0)->id(); }  // of socket 0
    // Where there is no socket of that number yet, it is opened; if that fails, nothing is sent.
    void send(const proto::punch::Probe& probe);
    // From socket 0; no bytes: a probe.
    void knock(const Endpoint& to, ByteView bytes);
    void admit(const Endpoint& from);  // to the DHT's usual socket
    // With a hold on it.
    UdxPath path(std::size_t socket, const Endpoint& remote) const;

  private:
    Result<std::shared_ptr<PunchSocket>> open_number(std::size_t number);
    Task<> sample(std::shared_ptr<PunchSocket> socket);

    Dht& dht_;
    SocketPool& pool_;
    SocketPool::Open open_;
    Heard heard_;
    std::vector<std::shared_ptr<PunchSocket>> sockets_;
};

// The machines say why in words of their own; a finding has ours.
std::string_view name_of(proto::punch::Failure failure);

}  // namespace kp2p
