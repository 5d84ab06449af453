// Policy: which datagrams of one client a relay passes on, so that nobody makes it flood, scan or
// reach what is not public. What is not passed on is lost, as it could be anywhere. Time is passed
// in. Memory: max_destinations entries of some hundred bytes.
//
// A destination that answers may be sent to without bound but the client's own rate. One that does
// not gets so many datagrams, and then a few a minute; its host gets a few times as many over all
// of its ports, so that ports cannot be gone through.
#pragma once

#include <optional>

#include "proto/endpoint.hpp"
#include "proto/limit/token_bucket.hpp"
#include "proto/tunnel/recent.hpp"

namespace kp2p::proto::tunnel {

class Policy {
  public:
    using Time = TokenBucket::Time;

    struct Limits {
        double bytes_per_second = 12.5e6;  // each way
        double datagrams_per_second = 20000;
        bool allow_private = false;  // this machine and private networks, too
    };
    static constexpr std::size_t max_destinations = 4096;
    static constexpr double unanswered_burst = 16;       // to one endpoint
    static constexpr double unanswered_host_burst = 64;  // to one host
    static constexpr std::chrono::seconds answer_holds{120};

    Policy(Time now, const Limits& limits);

    // Whether a datagram of the client goes out, or one goes to it; it is counted if so.
    bool may_leave(Time now, const Endpoint& to, std::size_t size_bytes);
    bool may_arrive(Time now, const Endpoint& from, std::size_t size_bytes);

  private:
    struct Destination {
        TokenBucket unanswered;
        std::optional<Time> answered;
        double spent = 0;  // of its host's, since it answered
    };
    struct HostHash {
        std::size_t operator()(const Host& host) const { return EndpointHash()({host, 0}); }
    };
    bool is_allowed(const Endpoint& endpoint) const;
    bool spend(Time now, const Endpoint& to);

    Limits limits_;
    TokenBucket bytes_out_, bytes_in_, datagrams_out_, datagrams_in_, newcomers_;
    Recent<Endpoint, Destination, EndpointHash> destinations_;
    Recent<Host, TokenBucket, HostHash> hosts_;
};

}  // namespace kp2p::proto::tunnel
