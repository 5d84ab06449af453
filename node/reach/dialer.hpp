// Dialer: connects to a node by its public key: greets it through the DHT, and then lets the
// approaches race that fit the two nodes. Where a relay is named the stream goes through that at
// once, and the race goes on; so it does through one that is known only while a race takes long.
// Where all that fails it is dialed from a port at a kp2p-relay.
// Source: npm hyperdht 6.34.0 (lib/connect.js).
#pragma once

#include <map>
#include <set>

#include "node/reach/greeting.hpp"
#include "node/transport/udx_byte_stream.hpp"
#include "proto/punch/client.hpp"
#include "proto/report/trial.hpp"

namespace kp2p {

struct Approach;
struct FoundPath;
struct Greeted;
class Ipv6Door;
class Relays;
class SocketPool;

// Opens a socket whose UDP port is at a kp2p-relay, once it is there. Errc::not_found: there is no
// such relay; any other error with what failed in the text.
using OpenTunnelled = std::function<Task<Result<std::unique_ptr<Datagrams>>>(std::string&)>;

struct DialerParts {
    Runtime& runtime;
    Dht& dht;
    UdxContext& udx;
    proto::KeyPair keys;
    SocketPool* pool = nullptr;              // without one no holes are punched
    Relays* relays = nullptr;                // null: none are used
    OpenTunnelled open_tunnelled = nullptr;  // needs the pool
    Ipv6Door* door = nullptr;                // null: not over IPv6
};

class Dialer {
  public:
    // Nodes whose relays are remembered from the last connection.
    static constexpr std::size_t max_remembered = 256;

    explicit Dialer(DialerParts parts) : parts_(std::move(parts)) {}

    // Which paths will do; answered: no relay is left out, but those are where we were not
    // answered, as we may hear who does not hear us.
    enum class Through { any, no_relay, answered };
    // `relays` are DHT nodes that may relay to it, tried at once; may be empty. When it fails,
    // which is Errc::cannot_connect, `why` has what was tried.
    Task<Result<Link>> dial(
        NodeId remote, std::vector<Endpoint> relays, Findings& why, Through through = Through::any,
        std::shared_ptr<DialProgress> progress = std::make_shared<DialProgress>());
    // From a port at a kp2p-relay. Errc::not_found: none may be used.
    Task<Result<Link>> dial_tunnelled(NodeId remote, Findings& why);
    // Greets it in the same way, and tries each approach to its end, through a relay and from a
    // port at a kp2p-relay too; leaves no connection.
    Task<Result<void>> try_ways(NodeId remote, std::vector<Endpoint> relays, OnTrial tell);

  private:
    struct Attempt;
    using AttemptRef = std::shared_ptr<Attempt>;
    struct Reached {                            // by a greeting of its own
        std::unique_ptr<UdxByteStream> stream;  // not connected yet
        UdxPeer peer;
        UdxPath path;
        proto::NoiseKeys keys;
    };

    std::vector<Approach> approaches_to(const Greeted& greeted, FoundPath& found,
                                        const proto::NoiseKeys& keys,
                                        proto::punch::Client::Course& course,
                                        std::function<ByteVector()> knock = nullptr);
    std::optional<Approach> relayed_approach(const Greeted& greeted, const NoisePayload& ours,
                                             OnTrial tell);
    Task<Result<void>> try_ways_here(NodeId remote, std::vector<Endpoint> relays, OnTrial tell);
    Task<Result<void>> try_tunnel(NodeId remote, OnTrial tell);
    Task<Result<Reached>> reach_tunnelled(NodeId remote, Finding& failure);
    Task<Result<Link>> dial(AttemptRef attempt, std::vector<Endpoint> relays);
    std::unique_ptr<UdxByteStream> new_stream() const;  // that holds the sockets it comes to use
    Task<Result<UdxPath>> find_path(AttemptRef attempt);
    Task<Result<UdxPath>> race_all(AttemptRef attempt);
    Task<> race_on(AttemptRef attempt);
    Task<> go_through_relay(AttemptRef attempt);
    Task<> await_relay(AttemptRef attempt);
    Task<> greet_through(AttemptRef attempt, NoisePayload::RelayThrough relay);
    bool may_need_relay(const NodeId& remote) const;
    bool may_need_tunnel(const Attempt& attempt) const;
    void remember(const NodeId& remote, std::vector<Endpoint> relays);
    void remember(const NodeId& remote, const UdxPath& path);

    DialerParts parts_;
    std::map<NodeId, std::vector<Endpoint>> remembered_;
    std::map<NodeId, OpenHole> holes_;                        // through holes that were punched,
    std::map<NodeId, proto::punch::Client::Course> courses_;  // and how
    std::set<NodeId> unreached_;                              // for want of a path, the last time
};

}  // namespace kp2p
