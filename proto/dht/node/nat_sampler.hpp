// What is our public address? Each sample is our address as one node saw it; of the last 16, all
// but few must agree. Host and port are judged apart: a known host with port 0 is a NAT that gives
// every destination another port. Source: npm nat-sampler 1.0.1.
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "proto/endpoint.hpp"

namespace kp2p::proto::dht {

class NatSampler {
  public:
    void add(const Endpoint& seen);
    // Nothing while unknown; port 0 when the host is known but its port varies.
    const std::optional<Endpoint>& address() const { return address_; }

  private:
    struct Entry {
        Endpoint address;
        int hits = 0;
    };
    using Shared = std::shared_ptr<Entry>;
    static constexpr std::size_t slot_count = 32;  // a sample takes two

    Shared find(const Endpoint& address, std::size_t back);

    std::array<Shared, slot_count> slots_;
    std::size_t filled_ = 0;
    std::size_t top_ = 0;
    Shared best_exact_, best_host_;
    std::optional<Endpoint> address_;
};

}  // namespace kp2p::proto::dht
