// ReplyBudget: how much we send because somebody asked. Whoever sends a datagram can write any
// source into it, and what we answer then goes to somebody who asked for nothing.
// - An address is proven for some minutes after it has answered a request of ours, or shown a token
//   that we gave to its host. It gets whole replies, within a generous budget of its own.
// - Any other gets at once what is at most three times as long as what came, and with it a ping if
//   that leaves room: who asks mostly asks again in a moment. A longer reply is held
//   back and the address pinged, as every DHT node answers pings: if it does, the reply follows. If
//   not, a smaller one does, with a token and fewer nodes, which together with the ping is no
//   longer than three times what came. Such addresses have small budgets each, together in their
//   /24, and all together.
// Shape: admits() before a request is served, give() for each reply, answered() and prove() for
// what comes; drain next_send(), call expire() at the deadline. All is bounded; of what is held
// back the oldest goes first, and comes with the request's repetition. Off, it sends everything, as
// the reference does. Numbers are ours; the factor is that of QUIC (RFC 9000, section 8.1).
#pragma once

#include <array>
#include <deque>

#include "proto/dht/node/rate_limit.hpp"
#include "proto/dht/node/requests.hpp"
#include "proto/dht/table/tokens.hpp"

namespace kp2p::proto::dht {

class ReplyBudget {
  public:
    static constexpr std::size_t max_factor = 3;
    static constexpr Span proof_lifetime = std::chrono::minutes(5);
    static constexpr Span patience = std::chrono::milliseconds(700);  // a client repeats after 1 s
    static constexpr std::size_t max_held = 256;

    enum class Sources { trusted, checked };
    // `secret` is random.
    ReplyBudget(Time now, Sources sources, const TokenSecret& secret);

    bool is_proven(Time now, const Endpoint& address);
    // Whether anything may be sent because of this address. If not, its requests need not be
    // served.
    bool admits(Time now, const Endpoint& address);
    // The same for a datagram that goes to another, and counts it.
    bool pays(Time now, const Endpoint& address, std::size_t bytes);
    // Sends `reply` to reply.to, or holds it back, or drops it.
    void give(Time now, SocketId on, Reply reply, const Request& request);
    // Pings an address that is not proven.
    void ping(Time now, SocketId on, const Endpoint& address);
    // A reply came: true if it is the answer to our ping. A wrong one makes the ping worthless.
    bool answered(Time now, const Endpoint& by, std::uint16_t tid);
    void prove(Time now, const Endpoint& address);

    void expire(Time now);
    std::optional<Time> deadline() const;
    std::optional<Outgoing> next_send();

  private:
    struct Proof {
        Time at;
        TokenBucket bucket;
    };
    struct Ping {
        std::uint16_t tid;
        Time sent;
    };
    struct Held {
        Time due;
        SocketId on;
        Reply reply;
        std::size_t small_bytes;  // what may be sent without proof
    };

    Proof* proof_of(Time now, const Endpoint& address);
    void send(SocketId on, const Endpoint& to, ByteVector bytes);
    void hold(Held held);
    std::uint16_t draw_tid();

    Sources sources_;
    TokenSecret secret_;
    std::uint64_t drawn_ = 0;
    GenerationCache<Endpoint, Proof, EndpointHash> proven_;
    GenerationCache<Endpoint, Ping, EndpointHash> pings_;
    RateLimit by_address_, by_network_;
    TokenBucket unproven_, all_proven_;
    std::deque<Held> held_;  // in the order in which they are due
    std::deque<Outgoing> sends_;
};

}  // namespace kp2p::proto::dht
