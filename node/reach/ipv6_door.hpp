// Ipv6Door: how two nodes meet that both have IPv6, where no NAT is in the way: each sends probes
// from its server port to the addresses that the other has told in its handshake, so that both
// firewalls let in what comes from there. Source: PROTOCOL.md, section 1.
#pragma once

#include <vector>

#include "node/async/event.hpp"
#include "node/async/runtime.hpp"
#include "node/dht/dht.hpp"
#include "node/udx/udx_stream.hpp"

namespace kp2p {

class Ipv6Door {
  public:
    // Takes the probes of the DHT's server port.
    Ipv6Door(Runtime& runtime, Dht& dht);
    Ipv6Door(const Ipv6Door&) = delete;
    ~Ipv6Door();

    // Of the addresses that another says, those that may lead there; none where we have no IPv6.
    std::vector<Endpoint> places(const std::vector<Endpoint>& said) const;
    // Sends to each place, until something comes from one of them. Errc::timed_out.
    Task<Result<UdxPath>> meet(std::vector<Endpoint> places);
    // For one that meets us: sends, as meet() does, whatever comes.
    Task<> knock(std::vector<Endpoint> places);

  private:
    struct Meeting;

    void heard(const Endpoint& from);
    void send_to(const std::vector<Endpoint>& places);
    UdpPort& port() const { return *dht_.port(proto::dht::SocketId::server); }

    Runtime& runtime_;
    Dht& dht_;
    std::vector<Meeting*> meetings_;  // each in the frame of its meet()
};

}  // namespace kp2p
