// Acceptor: lets others connect to our key. It answers their handshakes, which come through the
// DHT, each once however many relays carry it, and waits for the client's stream.
// Source: npm hyperdht 6.34.0 (lib/server.js).
// Shape: spawn run(); it listens until it is cancelled. Announcing the key is the Announcer's.
#pragma once

#include <map>

#include "node/dht/announcer.hpp"
#include "node/swarm/handshake.hpp"
#include "proto/dht/rate_limit.hpp"

namespace kp2p {

class Tasks;

struct AcceptorParts {
    Executor executor;
    Clock& clock;
    Dht& dht;
    UdxContext& udx;
    Announcer& announcer;
    proto::KeyPair keys;
    // Whether we talk to this node at all; otherwise it gets no answer.
    std::function<bool(const NodeId&)> welcome;
    std::function<void(Link)> accepted;
};

class Acceptor {
  public:
    // Handshakes whose streams may still come. More get no answer.
    static constexpr std::size_t max_handshakes = 128, max_handshakes_of_host = 32;
    // Those together with the ones whose answers are kept for copies that come late.
    static constexpr std::size_t max_answers = 1024;

    explicit Acceptor(AcceptorParts parts);

    Task<> run();

  private:
    // A handshake and its answer, by the client's message. Further copies get the same answer.
    struct Slot {
        explicit Slot(Executor executor) : path_found(executor) {}

        std::size_t number = 0;  // lowest free one; names the handshake in hole punching
        Endpoint source;         // who is answerable for it
        ByteVector answer;
        proto::NoiseKeys keys;
        std::unique_ptr<UdxByteStream> stream;
        UdxPeer peer;
        std::optional<UdxPath> path;
        Event path_found;
    };

    void on_handshake(const IncomingHandshake& incoming);
    Endpoint source_of(const IncomingHandshake& incoming) const;
    bool has_room(const Endpoint& source) const;
    // Fills the slot with an answer; on failure there is none, and silence.
    Result<void> greet(const IncomingHandshake& incoming, Slot& slot);
    NoisePayload our_payload(const Slot& slot, proto::dht::PeerError error);
    Task<> attend(Hash32 message, std::shared_ptr<Slot> slot);
    Task<Result<void>> wait_for_path(std::shared_ptr<Slot> slot);
    std::size_t free_number() const;

    AcceptorParts parts_;
    proto::dht::RateLimit strangers_;
    std::map<Hash32, std::shared_ptr<Slot>> slots_;  // by the hash of the client's message
    Tasks* tasks_ = nullptr;                         // while run() is
};

}  // namespace kp2p
