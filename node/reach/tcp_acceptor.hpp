// TcpAcceptor: lets others connect to our key over TCP. It says nothing to whoever has not shown
// that he knows our key and has one of his own, and ends every other connection alike, reset after
// handshake_limit, whatever came. Strangers cannot keep others out: there are only so many
// handshakes at a time, of each subscriber fewer, for a new one the oldest goes, and what brings
// them too fast is not looked at. Shape: spawn run(); it listens until it is cancelled.
#pragma once

#include <functional>
#include <map>

#include "node/async/runtime.hpp"
#include "node/reach/handshake.hpp"
#include "node/transport/byte_streams.hpp"
#include "proto/dht/node/rate_limit.hpp"

namespace kp2p {

class Tasks;
class Twin;

struct TcpAcceptorParts {
    Runtime& runtime;
    ByteStreams& streams;
    proto::KeyPair keys;
    // Whether we talk to this node at all; otherwise it gets no answer.
    std::function<bool(const NodeId&)> welcome;
    std::function<void(Link)> accepted;
    Twin* twin = nullptr;  // is told of those who come with our own key
};

class TcpAcceptor {
  public:
    static constexpr std::size_t max_handshakes = 256, max_handshakes_of_host = 32;
    static constexpr std::chrono::seconds handshake_limit{10};

    explicit TcpAcceptor(TcpAcceptorParts parts);

    Task<> run();
    std::size_t handshakes() const { return handshakes_.size(); }  // under way

  private:
    struct Handshake {
        Host source;
        Tasks* tasks = nullptr;
        bool refused = false;  // and waits only for the time to be up
    };
    using Handshakes = std::map<std::uint64_t, Handshake>;  // by their order

    Task<> accept_loop(Tasks& all);
    void make_room(const Host& source);
    Task<> attend(std::unique_ptr<ByteStream> stream, std::uint64_t number);
    Task<Result<proto::NoiseKeys>> answer(ByteStream& stream, Host source);

    TcpAcceptorParts parts_;
    proto::dht::RateLimit sources_;
    proto::TokenBucket all_sources_;
    Handshakes handshakes_;
    std::uint64_t taken_ = 0;
};

}  // namespace kp2p
