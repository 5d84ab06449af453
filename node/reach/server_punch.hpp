// ServerPunch: the accepting side of one hole punch: a socket of its own from which the handshake
// is answered, so that the relay sees that socket's port, and the machine that moves it. Shape:
// spawn run(), hand over the client's messages; stop() when the client's stream has come.
#pragma once

#include <deque>

#include "node/reach/puncher.hpp"
#include "proto/dht/wire/secure_payload.hpp"
#include "proto/punch/server.hpp"

namespace kp2p {

struct ServerPunchParts {
    Runtime& runtime;
    Dht& dht;
    SocketPool& pool;
    proto::punch::Budget::Permit permit;
    proto::dht::HolepunchSecret secret;
    proto::dht::Firewall said_firewall;
    std::optional<Endpoint> greeted_from;
    bool draws_ports;               // our NAT does
    ByteVector knock;               // what we knock with: a packet of our stream
    std::function<void()> changed;  // it has begun, or is over
};

class ServerPunch {
  public:
    static constexpr std::size_t max_unanswered = 8;

    explicit ServerPunch(ServerPunchParts parts);

    // Task of an owner that keeps all else that it was given.
    static Task<> run(std::shared_ptr<ServerPunch> punch);
    // `ours`: it came through a relay at which we have announced ourselves.
    void received(const IncomingHolepunch& incoming, bool ours);
    void stop();

    bool ready() const { return tasks_ && !over_; }
    proto::dht::SocketId socket() const { return puncher_->id(); }  // while ready()
    bool punching() const { return ready() && machine_.punching(); }

  private:
    void pump();
    void answer(const proto::punch::ServerAnswers& answer);

    ServerPunchParts parts_;
    proto::punch::Server machine_;
    std::optional<Puncher> puncher_;
    std::deque<std::pair<std::uint64_t, IncomingHolepunch>> unanswered_;
    std::uint64_t tickets_ = 0;
    Tasks* tasks_ = nullptr;  // while run() is
    bool over_ = false, pumping_ = false;
    Event ended_;
    std::unique_ptr<Alarm> alarm_;
};

}  // namespace kp2p
