// RelayPort: the UDP port that one client owns at a relay, for as long as it is connected and some
// time after that. Shape: run() it; attach() and detach() the client's connection.
#pragma once

#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "node/net/udp_socket.hpp"
#include "node/tunnel/frame_link.hpp"
#include "proto/tunnel/policy.hpp"

namespace kp2p {

class RelayPort {
  public:
    static constexpr std::chrono::seconds kept_after_client{60};

    RelayPort(Runtime& runtime, std::unique_ptr<UdpSocket> socket,
              const proto::tunnel::Policy::Limits& limits);

    // Until the client has been away for too long, or gave the port back.
    Task<> run();
    // An earlier connection is told that it is replaced.
    void attach(FrameLink& link);
    void detach(const FrameLink& link);  // if it is still the one
    void take(const proto::tunnel::Frame& frame);

    std::uint16_t number() const { return socket_->local().port; }
    const proto::tunnel::Key& key() const { return key_; }
    bool is_connected() const { return link_ != nullptr; }

  private:
    Task<> pass_on_what_arrives();
    Task<Result<void>> wait_while_kept();

    Runtime& runtime_;
    std::unique_ptr<UdpSocket> socket_;
    proto::tunnel::Policy policy_;
    proto::tunnel::Key key_;
    FrameLink* link_ = nullptr;
    Clock::Time alone_since_;
    bool given_back_ = false;
    Event changed_;
};

}  // namespace kp2p
