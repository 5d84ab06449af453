// Greeting: one Noise handshake with a node through the DHT: it asks for nodes that relay to it and
// sends the same message through each until one brings a valid answer. Source: npm hyperdht 6.34.0
// (lib/connect.js).
#pragma once

#include <deque>
#include <memory>
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

// Where a node was met before, through a socket of ours that is still open.
struct OpenHole {
    proto::dht::SocketId socket;
    Endpoint remote;
};

// Of a dial that somebody may come to need no more, shared with him.
struct DialProgress {
    bool taken = false;     // the node may have taken it for a connection, whether or not we go on
    bool unneeded = false;  // by who dials: only what may have been taken is brought to its end
};

class Greeting {
  public:
    Greeting(Runtime& runtime, Dht& dht, const proto::KeyPair& keys, const NodeId& remote,
             std::shared_ptr<DialProgress> progress = std::make_shared<DialProgress>());
    Greeting(const Greeting&) = delete;

    // The relays are tried at once and seed the search for others. Once. On failure, which is
    // Errc::cannot_connect, `why` has it.
    struct Ways {
        std::vector<Endpoint> relays;
        std::optional<OpenHole> hole = {};
    };
    Task<Result<void>> run(const NoisePayload& ours, Ways ways, Findings& why);

    const Answer& answer() const { return *answer_; }  // after run()
    proto::NoiseKeys keys() const { return noise_.keys(); }

  private:
    Task<Result<void>> find_answer(Ways ways);
    Task<> search(std::vector<Endpoint> seeds);
    Task<> try_known(std::vector<Endpoint> relays, Tasks& all);
    Task<> try_found(Tasks& all);
    Task<> try_hole(OpenHole hole, Tasks& all);
    Task<bool> try_relay(Endpoint relay);
    bool take(Endpoint relay, Result<HandshakeReply> reply);

    Clock& clock_;
    Dht& dht_;
    NodeId remote_;
    std::shared_ptr<DialProgress> progress_;
    proto::dht::DhtId target_;
    proto::Noise noise_;
    ByteVector message_;  // the same through every relay
    std::optional<Answer> answer_;
    std::set<Endpoint> tried_;
    std::deque<Endpoint> found_;
    bool heard_ = false;      // DHT nodes, when they were asked for relays
    bool announced_ = false;  // as one of them has said
    bool searched_ = false;
    Event changed_;
};

}  // namespace kp2p
