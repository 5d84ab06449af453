// Acceptor: lets others connect to our key. It answers their handshakes, which come through the
// DHT, each once however many relays carry it, and waits for the client's stream: nothing more is
// sent to an address from which nothing has come. Source: npm hyperdht 6.34.0 (lib/server.js),
// which lets the server begin. Strangers cannot keep others out: for a new handshake the oldest
// goes that came from where nothing has been answered, each host has only so many, and where they
// come too fast, whoever brings one must first answer a ping (it repeats the handshake after a
// second).
// Shape: spawn run(); it listens until it is cancelled. Announcing the key is the Announcer's.
#pragma once

#include <map>

#include "node/discover/announcer.hpp"
#include "node/reach/relayed.hpp"
#include "proto/dht/node/rate_limit.hpp"

namespace kp2p {

class Relays;
class Ipv6Door;
class ServerPunch;
class SocketPool;
class Twin;
class Tasks;
using proto::dht::SocketId;

struct AcceptorParts {
    Runtime& runtime;
    Dht& dht;
    UdxContext& udx;
    Announcer& announcer;
    proto::KeyPair keys;
    // Whether we talk to this node at all; otherwise it gets no answer.
    std::function<bool(const NodeId&)> welcome;
    std::function<void(Link)> accepted;
    SocketPool* pool = nullptr;  // without one no holes are punched
    Relays* relays = nullptr;    // null: none are used
    Ipv6Door* door = nullptr;    // null: not over IPv6
    Twin* twin = nullptr;        // is told of those who come with our own key
};

class Acceptor {
  public:
    // Those whose streams may still come, and those whose answers are kept for late copies.
    static constexpr std::size_t max_handshakes = 1024, max_handshakes_of_host = 32;

    explicit Acceptor(AcceptorParts parts);

    Task<> run();

  private:
    // A handshake and its answer, by the client's message. Further copies get the same answer.
    struct Slot {
        explicit Slot(Executor executor) : changed(executor) {}

        std::uint64_t serial = 0;
        std::size_t number = 0;  // lowest free one; names the handshake in hole punching
        Endpoint source;         // who is answerable for it
        bool proven = false;     // whoever brought it has answered us
        ByteVector answer;
        proto::NoiseKeys keys;
        std::unique_ptr<UdxByteStream> stream;
        UdxPeer peer;
        std::optional<UdxPath> path;
        // A client behind nothing, which waits for us: there, if it is.
        std::optional<Endpoint> open_client;
        SocketId socket{};  // of ours, that leads there
        std::shared_ptr<ServerPunch> punch;
        std::optional<RelayThrough> our_relay;
        std::optional<RelayPlan> plan;     // of going through a relay
        std::shared_ptr<void> relay_hold;  // while we do
        std::shared_ptr<void> keeper;      // of the socket that the handshake came to
        bool in_lan = false;
        bool given_up = false;
        Event changed;  // a path was found, or it is given up

        auto rank() const { return std::pair(proven, serial); }  // the lowest goes first
    };
    using Slots = std::map<Hash32, std::shared_ptr<Slot>>;

    void on_handshake(const IncomingHandshake& incoming);
    void on_holepunch(const IncomingHolepunch& incoming);
    // From the punching socket, if there is one, so that the relay sees it.
    void send_answer(const IncomingHandshake& incoming, const Slot& slot);
    void start_punch(const IncomingHandshake& incoming, const NoisePayload& theirs,
                     const std::shared_ptr<Slot>& slot);
    void make_room_to_punch(const Slot& newcomer);
    Endpoint source_of(const IncomingHandshake& incoming) const;
    bool may_enter(const IncomingHandshake& incoming, const Endpoint& source);
    void make_room(const Endpoint& source);
    void give_up(Slots::iterator at);
    // Fills the slot with an answer; on failure there is none, and silence.
    Result<NoisePayload> greet(const IncomingHandshake& incoming, Slot& slot);
    void plan_relay(const IncomingHandshake& incoming, const NoisePayload& theirs,
                    const NodeId& client, Slot& slot);
    NoisePayload our_payload(const Slot& slot, proto::dht::PeerError error);
    Task<> attend(Hash32 message, std::shared_ptr<Slot> slot);
    Task<Result<void>> find_path(std::shared_ptr<Slot> slot);
    Task<> end_punch(std::shared_ptr<Slot> slot);
    Task<> go_through_relay(std::shared_ptr<Slot> slot);
    Task<> go_to_client(std::shared_ptr<Slot> slot);
    std::size_t free_number() const;

    AcceptorParts parts_;
    proto::dht::RateLimit sources_;
    proto::TokenBucket strangers_, proven_, strangers_punches_, proven_punches_;
    std::uint64_t taken_ = 0;
    Slots slots_;             // by the hash of the client's message
    Tasks* tasks_ = nullptr;  // while run() is
};

}  // namespace kp2p
