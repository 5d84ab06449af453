// Dht: one node of the HyperDHT network: finds, announces and stores, and passes on the handshakes
// that let two peers meet. Runs over two UDP ports: the server port, whose number is known, and the
// client port, from which everything leaves while unsolicited packets do not reach the server port.
//
// Shape: construct with both ports, spawn run(), then co_await bootstrap(); after that (or before,
// with whatever nodes are known) call the rest. Everything ends when run() is cancelled, and every
// call when its caller is. One thread. Source: npm hyperdht 6.34.0, dht-rpc 6.27.0.
//
// Public nodes are reached as described in bootstrap.hpp. A node starts ephemeral (it answers and
// relays, but nobody stores it); once reachable and stable it becomes persistent.
#pragma once

#include <memory>
#include <string>

#include "node/async/runtime.hpp"
#include "node/dht/bootstrap.hpp"
#include "node/dht/query.hpp"
#include "node/dht/reachability.hpp"
#include "node/dht/rpc.hpp"
#include "proto/dht/wire/address.hpp"
#include "proto/dht/wire/messages.hpp"
#include "proto/dht/wire/peer_messages.hpp"

namespace kp2p {

struct DhtSetup {
    // Where the network is entered, see parse_bootstrap(). Empty: only by the known nodes.
    std::vector<BootstrapNode> bootstrap;
    std::vector<Endpoint> known_nodes;  // of an earlier run
    Persistence persistence = Persistence::adaptive;
    proto::dht::Reach reach = proto::dht::Reach::behind_nat;  // open: known to be reachable
    // Our own address if it is known for sure: persistent at once, even if alone.
    std::optional<Endpoint> public_address;
};

using IncomingHandshake = proto::dht::ForUs<proto::dht::PeerHandshake>;
using IncomingHolepunch = proto::dht::ForUs<proto::dht::PeerHolepunch>;

// A server of ours. The handlers may answer later, or never; copy what they are given.
struct Listener {
    std::function<void(const IncomingHandshake&)> handshake;
    std::function<void(const IncomingHolepunch&)> holepunch;
};

struct HandshakeReply {
    ByteVector noise;
    Endpoint server;  // as the relay sees it; the address asked when it was the server itself
    Endpoint client;  // ourselves, as the node that was asked sees us
    bool relayed = false;
    proto::dht::SocketId socket;  // of ours
};

struct HolepunchReply {
    ByteVector payload;
    Endpoint server;  // the server's hole punching socket as the relay sees it
    Endpoint client;  // our socket as the relay sees it
};

struct FoundRelay {  // a node that can pass a handshake to the server we look for
    Endpoint relay;
    proto::dht::PeerRecord record;
};

// For diagnosis. The network is silent while silent_for grows; neither is there if nobody is asked.
struct DhtContact {
    std::optional<Clock::Span> silent_for;    // so long nodes have been asked in vain
    std::optional<Clock::Span> last_answer;   // so long ago one answered; none: never
    std::size_t bootstrap_nodes = 0;          // entries that we were given
    std::vector<std::string> unresolved;      // of these: why names have no address, as it seems
    std::optional<Clock::Span> refused = {};  // so long ago a request was one too many
    std::string no_ipv4 = {};                 // why it cannot be spoken; empty: it can, as it seems
    std::error_code not_sent = {};            // why nothing sent gets out; network_down: no link
    std::string rejected = {};                // by whom or on the way to whom, and how; empty: not
};

class Dht {
  public:
    // The ports outlive the node.
    Dht(Runtime& runtime, UdpPort& server, UdpPort& client, DhtSetup setup);
    ~Dht();

    Task<> run();
    // Enters the network. Succeeds also when nobody answers: then later refreshes try again.
    Task<Result<void>> bootstrap();
    bool bootstrapped() const { return bootstrapped_; }
    // Our packets leave by another way, or others see us elsewhere: we are not taken for reachable,
    // unless that was told for sure, until it has been tested anew, which it is at once.
    void moved();
    std::uint64_t moves() const { return moves_; }  // grows with each of these
    // Nodes of the network, as far as any are known: heard ones, or else those to enter it by.
    std::vector<Endpoint> nodes_to_try();

    bool firewalled() const { return !rpc_.node().open(); }
    bool persistent() const { return rpc_.node().persistent(); }
    // Where a router says that it forwards to our server port, if one does; it is tested.
    void set_forwarded(const std::optional<Endpoint>& from);
    // Where anyone reaches our server port; nothing while unknown or firewalled.
    std::optional<Endpoint> remote_address();
    // Our public address as far as others say; port 0 when it differs from one to another.
    std::optional<Endpoint> sampled_address() { return rpc_.node().upkeep().sampler().address(); }
    std::size_t table_size() const { return rpc_.node().table().size(); }
    DhtContact contact() const;
    // The most recently heard nodes, for DhtSetup of the next run.
    std::vector<Endpoint> known_nodes();

    // Each found record is handed to `found` as it arrives, duplicates included.
    using FoundPeer = std::function<void(const proto::dht::PeerRecord&)>;
    Task<Result<QueryEnd>> lookup(Topic topic, std::vector<Endpoint> seeds, FoundPeer found);
    // A lookup that then tells the closest nodes that `keys` may be met through `relays`.
    struct Announcing {
        proto::KeyPair keys;
        std::function<Task<Result<std::vector<Endpoint>>>()> relays;  // when nodes were found
        std::vector<Endpoint> seeds;
    };
    Task<Result<QueryEnd>> announce(Topic topic, Announcing announcing, FoundPeer found);
    // A lookup that takes back what `keys` announced wherever it shows up.
    Task<Result<QueryEnd>> unannounce(Topic topic, proto::KeyPair keys,
                                      std::vector<Endpoint> seeds);

    struct FindingPeer {
        std::vector<Endpoint> seeds;
        unsigned retries = 2;
    };
    using FoundRelays = std::function<void(const FoundRelay&)>;
    Task<Result<QueryEnd>> find_peer(NodeId key, FindingPeer finding, FoundRelays found);
    // The server's own address if it announced itself to us.
    std::optional<Endpoint> route(const proto::dht::DhtId& target);

    // Errc::not_found when nobody has it; put fails when nobody took it.
    Task<Result<ByteVector>> immutable_get(proto::dht::DhtId target);
    Task<Result<proto::dht::DhtId>> immutable_put(ByteVector value);
    Task<Result<proto::dht::MutableReply>> mutable_get(NodeId key, std::uint64_t min_seq);
    Task<Result<void>> mutable_put(proto::dht::MutablePut put);

    // One handshake through `node`, which relays it or is the server. Errc::timed_out when nothing
    // comes back, Errc::not_found when the node knows no route.
    Task<Result<HandshakeReply>> peer_handshake(Endpoint node, proto::dht::DhtId target,
                                                ByteVector noise) {
        return peer_handshake(default_socket(), node, target, std::move(noise));
    }
    Task<Result<HandshakeReply>> peer_handshake(proto::dht::SocketId from, Endpoint node,
                                                proto::dht::DhtId target, ByteVector noise);
    // `message.mode` is set here.
    Task<Result<HolepunchReply>> peer_holepunch(proto::dht::SocketId from, Endpoint relay,
                                                proto::dht::DhtId target,
                                                proto::dht::PeerHolepunch message);
    // Our address as `to` sees it.
    Task<Result<Endpoint>> ping(proto::dht::SocketId from, Endpoint to, unsigned retries);

    // Handshakes for this key come here from now on. Announcing is the Announcer's.
    void listen(const NodeId& key, Listener listener);
    void unlisten(const NodeId& key);
    void answer(proto::dht::SocketId from, const IncomingHandshake& handshake, ByteVector noise) {
        rpc_.answer(from, handshake, std::move(noise));
    }
    void answer(proto::dht::SocketId from, const IncomingHolepunch& holepunch, ByteVector payload) {
        rpc_.answer(from, holepunch, std::move(payload));
    }

    // Whether this address has answered us lately; if not, anybody may have written in its name.
    bool is_proven(const Endpoint& address) {
        return rpc_.node().server().budget().is_proven(rpc_.clock().now(), address);
    }
    void ask_for_proof(proto::dht::SocketId from, const Endpoint& address) {
        rpc_.ask_for_proof(from, address);  // pings it without waiting
    }

    proto::dht::SocketId default_socket() { return rpc_.node().default_socket(); }
    // Server and client socket, and those attached to rpc() for hole punching.
    UdpPort* port(proto::dht::SocketId id) { return rpc_.port(id); }
    Rpc& rpc() { return rpc_; }
    QueryRunner& queries() { return queries_; }

  private:
    Task<> tick_loop();
    Task<> upkeep_loop();
    Task<> rejection_loop();
    Task<Result<QueryEnd>> refresh();
    Task<> take_back(proto::dht::Ask ask);
    Task<Result<QueryEnd>> find_self(QueryRunner::OnReply on_reply);

    Rpc rpc_;
    Bootstrap bootstrap_;
    QueryRunner queries_;
    Reachability reachability_;
    UdpPort &server_, &client_;
    DhtSetup setup_;
    Random& random_;
    std::map<proto::dht::DhtId, Listener> listeners_;
    Event upkeep_due_, unanswered_;
    std::uint64_t refreshes_ = 0, moves_ = 0;
    std::string rejected_;
    unsigned ticks_alone_ = 0;
    bool bootstrapped_ = false, refresh_due_ = false;
    bool firewall_test_due_ = false, full_test_due_ = false;
    bool moved_ = false;  // and not looked up and tested since
};

}  // namespace kp2p
