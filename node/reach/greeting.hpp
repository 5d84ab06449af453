// Greeting: one Noise handshake with a node through the DHT: it asks for nodes that relay to it and
// sends the same message through each until one brings a valid answer. Source: npm hyperdht 6.34.0
// (lib/connect.js).
#pragma once

#include <deque>
#include <set>

#include "node/async/event.hpp"
#include "node/reach/handshake.hpp"
#include "proto/report/finding.hpp"

namespace kp2p {

class Tasks;

struct Answer {
    Endpoint relay;  // that it came through
    HandshakeReply reply;
    NoisePayload payload;  // of the node
};

class Greeting {
  public:
    Greeting(Runtime& runtime, Dht& dht, const proto::KeyPair& keys, const NodeId& remote);
    Greeting(const Greeting&) = delete;

    // `relays` are tried at once and seed the search for others. Once. On failure, which is
    // Errc::cannot_connect, `why` has it.
    Task<Result<void>> run(const NoisePayload& ours, std::vector<Endpoint> relays, Findings& why);

    const Answer& answer() const { return *answer_; }  // after run()
    proto::NoiseKeys keys() const { return noise_.keys(); }

  private:
    Task<Result<void>> find_answer(std::vector<Endpoint> relays);
    Task<> search(std::vector<Endpoint> seeds);
    Task<> try_known(std::vector<Endpoint> relays, Tasks& all);
    Task<> try_found(Tasks& all);
    Task<bool> try_relay(Endpoint relay);

    Clock& clock_;
    Dht& dht_;
    NodeId remote_;
    proto::dht::DhtId target_;
    proto::Noise noise_;
    ByteVector message_;  // the same through every relay
    std::optional<Answer> answer_;
    std::set<Endpoint> tried_;
    std::deque<Endpoint> found_;
    bool searched_ = false;
    Event changed_;
};

}  // namespace kp2p
