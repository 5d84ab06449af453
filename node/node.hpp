// Node: a whole node but for its process: the DHT, the swarm and the sharing of files, put together
// from what comes in from outside. So many fit in a test, each with a simulated clock, network and
// pool, and in a process one, with those of the machine (node/process/daemon.cpp).
//
// Shape: construct, spawn run(); join channels through share() at any time. To end it, await
// farewell() if there is time for one, then cancel run(). One thread.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "node/async/event.hpp"
#include "node/async/foreign_calls.hpp"
#include "node/async/runtime.hpp"
#include "node/dht/dht.hpp"
#include "node/discover/lan.hpp"
#include "node/mapping/keeper.hpp"
#include "node/net/interface_watch.hpp"
#include "node/report/doctor.hpp"
#include "node/report/peers.hpp"
#include "node/share/share.hpp"
#include "node/store/store.hpp"
#include "node/swarm/swarm.hpp"
#include "node/swarm_peers.hpp"
#include "node/udx/udp_port.hpp"
#include "node/udx/udx_context.hpp"
#include "node/way_out.hpp"

namespace kp2p {

struct NodeParts {
    Runtime& runtime;
    std::unique_ptr<Datagrams> server, client;  // with the port that others know; with any other
    Store store;
    proto::KeyPair keys;
    DhtSetup dht;
    std::unique_ptr<ByteStreams> tcp = nullptr;  // at the port that others know; null: none
    std::vector<FixedPeer> peers = {};           // named to us
    SocketPool::Open open_socket = nullptr;      // on a free port; without it no holes are punched
    // For where UDP may be blocked: then `server` and `client` are EitherSockets over these, and
    // `probe` is a UDP socket here.
    Tunnels* tunnels = nullptr;
    std::unique_ptr<Datagrams> probe = nullptr;
    // URLs of the kp2p-relays that members are told of; what they tell us of theirs.
    std::vector<std::string> relay_urls = {};
    std::function<void(std::vector<std::string>)> heard_relays = nullptr;
    proto::RelayMode relay = proto::RelayMode::automatic;  // for others
    std::unique_ptr<LanService> lan = nullptr;             // null: nobody is looked for there
    std::unique_ptr<PortMapper> mapper = nullptr;          // null: no router is asked for anything
    std::unique_ptr<InterfaceWatch> interfaces = nullptr;  // null: they stay as they are
    std::optional<NodeLabel> label = {};                   // that members are told
};

struct NodeStatus {
    NodeId node;
    std::string label;            // its own; may be empty
    Endpoint udp;                 // as it is bound
    std::optional<Endpoint> tcp;  // as it listens
    std::optional<Endpoint> public_address;
    std::optional<std::string> tunnel;  // whose UDP port is used, a URL without its secret
    std::optional<Mapping> mapping;     // by a router
    std::optional<Finding> twin;        // runs with our key
    std::string mapping_words;          // a sentence; empty: no router is asked
    bool firewalled = true, in_network = false;
    std::size_t dht_nodes = 0, connections = 0;
    std::vector<ChannelName> channels, expected_channels;  // those are being joined still
    std::vector<PeerReport> peers;
    std::filesystem::path storage_dir;
    PartialUsage partials;
    FileTraffic traffic;
    FileCounts counts;
    Share::Moving moving;
    RelayCounts relay;
    Clock::Span up{};
};

struct NodeHealth {
    Facts facts;
    std::vector<PeerReport> peers;
    std::vector<UnreachedReport> unreached;  // at most Node::max_unreached
};

class Node {
  public:
    explicit Node(NodeParts parts);
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    // Enters the network and takes part in it until it is cancelled.
    Task<> run();
    // Tells the DHT that we are gone, for no longer than that may take.
    Task<> farewell();
    std::chrono::milliseconds farewell_limit();
    // Why the DHT cannot help, if it cannot.
    std::optional<Finding> network_trouble() const { return peers_.network_trouble(); }
    // Waits until the network was entered, or has been tried for the first time in vain.
    Task<Result<void>> entered();

    bool in_network() const { return dht_.bootstrapped() && dht_.table_size() > 0; }
    std::size_t dht_nodes() const { return dht_.table_size(); }
    // The DHT nodes to enter the network through in the next run.
    std::vector<Endpoint> known_nodes() { return dht_.known_nodes(); }
    const NodeId& id() const { return swarm_.node_id(); }
    // What a node calls itself, as far as it has told us; empty: nothing.
    std::string label_of(const NodeId& node) const;
    Endpoint local() { return server_.socket().local(); }
    Task<NodeStatus> status();
    struct Brief {
        std::size_t peers = 0, channels = 0;
        Share::Moving moving;
    };
    Brief brief() const;
    Task<Store::Usage> usage();  // of the storage, not older than a minute
    static constexpr std::size_t max_unreached = 16;
    Task<NodeHealth> health();
    Task<Result<void>> try_ways(NodeId node, OnTrial tell) { return swarm_.try_ways(node, tell); }

    // The process stood still: whoever we are connected to is asked if that still holds.
    void doubt() { swarm_.doubt(Swarm::Doubt::after_gap); }

    Share& share() { return share_; }
    Store& store() { return store_; }
    ForeignCalls& foreign() { return foreign_; }  // for paths that others name

  private:
    Task<> enter_network();
    Task<> follow_interfaces();
    Task<> follow_nat64();
    Task<> sweep_loop();
    std::vector<PeerReport> peers() const;
    Task<> unmap();
    void mapping_changed();
    Candidates mapped_candidates() const;
    std::vector<ChannelKey> channel_keys() const;

    Runtime& runtime_;
    Store store_;
    ForeignCalls foreign_;
    std::unique_ptr<ByteStreams> tcp_;
    UdxContext udx_;
    UdpPort server_, client_;
    Dht dht_;
    SwarmPeers peers_;
    Share share_;
    Swarm swarm_;
    Tunnels* tunnels_;
    std::optional<WayOut> way_out_;  // where there are tunnels
    std::unique_ptr<LanService> lan_service_;
    std::optional<Lan> lan_;
    std::unique_ptr<PortMapper> mapper_;
    std::optional<MappingKeeper> mapping_;
    std::unique_ptr<InterfaceWatch> interfaces_;
    Store::Usage usage_;
    std::optional<Clock::Time> usage_at_;
    std::string label_;
    bool tried_ = false;  // to enter the network
    Event entered_, addresses_changed_;
    Clock::Time started_;
};

}  // namespace kp2p
