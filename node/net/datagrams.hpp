// Datagrams: the one door to the network, so that tests can put a simulated network behind it.
// One bound UDP socket; used by one thread. Sending never waits and never fails: a datagram that
// cannot leave is a lost datagram, as it could have been lost anywhere else.
#pragma once

#include <span>
#include <system_error>

#include "node/async/asio.hpp"
#include "node/net/rejection.hpp"
#include "proto/bytes.hpp"
#include "proto/endpoint.hpp"

namespace kp2p {

struct Datagram {
    Endpoint from;
    ByteView bytes;  // valid until the next take() or receive()
};

class Datagrams {
  public:
    virtual ~Datagrams() = default;
    virtual Endpoint local() const = 0;
    // Its port is at a kp2p-relay, though we could send without it: nothing for longer than needed.
    virtual bool is_detour() const { return false; }
    virtual void send(const Endpoint& to, ByteView bytes) = 0;
    // For hole punching: `ttl` replaces the system's time to live for this one datagram.
    virtual void send_with_ttl(const Endpoint& to, ByteView bytes, int ttl) = 0;
    // The pieces, end to end, are datagrams of `segment_bytes` each; only the last may be shorter.
    virtual void send_segments(const Endpoint& to, std::span<const ByteView> pieces,
                               std::size_t segment_bytes) = 0;
    // One datagram that may be larger than what the way takes: it may be cut up on the way.
    virtual void send_in_fragments(const Endpoint& to, ByteView bytes) { send(to, bytes); }
    // Why the system did not let out what was sent last; none: it did.
    virtual std::error_code refusal() const { return {}; }
    // Whether what is sent to `to` is rejected, by a firewall on the way or as nothing listens
    // there. Null: that cannot be known. Until it knows it asks before all else that goes there.
    virtual std::shared_ptr<Inquiry> inquire(const Endpoint&) { return nullptr; }
    // What is here already, which may be nothing.
    virtual std::span<const Datagram> take() = 0;
    // Waits until there may be some. An error is final.
    virtual Task<Result<void>> arrived() = 0;
    // Both: a batch of at least one.
    Task<Result<std::span<const Datagram>>> receive();
    // What comes from now on need wake nobody before arrived() is called, as for who reads again in
    // a while anyway.
    virtual void rest() {}
    // The largest IP packet the system knows to fit the first hop towards `to`.
    virtual std::size_t route_mtu_bytes(const Endpoint&) const { return 1500; }
};

}  // namespace kp2p
