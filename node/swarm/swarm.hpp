// Swarm: keeps us connected to nodes that share our topics, and connects to any node by its key.
// It announces each topic and looks others up under it, dials whom it finds, accepts whoever dials
// us, and keeps one connection for each peer and kind of path. Source: npm hyperswarm 4.17.2
// (index.js). Shape: spawn run(); it ends, with all connections, when it is cancelled.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "node/discover/addresses.hpp"
#include "node/discover/announcer.hpp"
#include "node/discover/lan.hpp"
#include "node/reach/acceptor.hpp"
#include "node/reach/dialer.hpp"
#include "node/reach/ipv6_door.hpp"
#include "node/reach/socket_pool.hpp"
#include "node/reach/tcp_acceptor.hpp"
#include "node/reach/tcp_dialer.hpp"
#include "node/reach/twin.hpp"
#include "node/swarm/better_pasts.hpp"
#include "node/swarm/failures.hpp"
#include "node/swarm/joined.hpp"
#include "node/swarm/paths_session.hpp"
#include "node/swarm/peer.hpp"
#include "node/swarm/peer_book.hpp"
#include "node/swarm/places.hpp"
#include "node/swarm/swarm_parts.hpp"
#include "node/swarm/swarm_relays.hpp"
#include "node/transport/connection.hpp"
#include "proto/limit/token_bucket.hpp"

namespace kp2p {

class Swarm {
  public:
    // Of peers found under topics, at a time. One that is announced and gone takes seconds to give
    // up; those that are there must not wait behind a few such.
    static constexpr std::size_t max_dials = 16;
    // From the first packet on a path to the proof that the peer is there.
    static constexpr std::chrono::seconds max_proof{10};
    // That dialed us, and have not proven themselves yet: the oldest goes for a new one.
    static constexpr std::size_t max_unproven = 64;  // each may hold a whole receive window

    explicit Swarm(SwarmParts parts);
    ~Swarm();

    Task<> run();
    // Takes back what we have announced, so that nobody looks for us in vain; to be awaited for as
    // long as there is time, before run() is cancelled. No topic is joined after it.
    Task<Result<void>> farewell();
    void join(const Topic& topic);   // joining twice is one
    void leave(const Topic& topic);  // its connections stay
    // Who is said to be in our LAN, instead of those before: each is dialed there over TCP, again
    // and again, as long as it is among them.
    void set_near(std::vector<NearPeer> near);
    // Where our own key is said to be in the LAN, which is not where we are: looks if it is.
    void look_for_twin(std::vector<Endpoint> places);
    // Another node that runs with our key, if one was seen of late.
    std::optional<Finding> twin() const;
    // True while the first lookup of the topic, or a first dial that came of it, is under way.
    bool settling(const Topic& topic) const;
    // Whether the topic was looked up after `since`, or a moment before it, and not for the first
    // time: two nodes that join at the same moment may each look before the other has announced
    // itself. Otherwise it soon is.
    bool looked_up_again(const Topic& topic, Clock::Time since);
    // The best connection to this node, made if there is none: Errc::cannot_connect if it fails,
    // for a reason that why_not() then tells. Many callers share one dial. It waits while all
    // connections are at work, or too many are being made.
    Task<Result<std::shared_ptr<Connection>>> connect(NodeId node);
    // Why the last attempt failed; empty if none did.
    std::vector<Finding> why_not(const NodeId& node) const;
    // The same, the nearest cause alone, for up to max_told nodes that were found under the topic.
    static constexpr std::size_t max_told = 3;
    std::vector<Finding> why_none(const Topic& topic) const;
    // We stood still, or may be elsewhere, of which the other members are told, too: all
    // connections are asked if they hold, and replaced where they do not.
    enum class Doubt { after_gap, of_place };
    void doubt(Doubt why);
    std::vector<std::shared_ptr<Connection>> connections() const;
    std::shared_ptr<Connection> best(const NodeId& node) const;  // null if there is none
    // Of the connections to this node, the best first, and why there is no better one.
    std::vector<Path> paths_to(const NodeId& node) const;
    std::string label_of(const NodeId& node) const;  // what it calls itself; empty: nothing
    std::vector<Finding> why_not_better(const NodeId& node) const;
    // Of those that could not be connected to, see Failures, and are not.
    std::vector<std::pair<NodeId, std::vector<Finding>>> unreached() const;
    // Tries each way to the node, whatever connections there are, and changes none; for no longer
    // than a minute. Errc::usage for ourselves.
    Task<Result<void>> try_ways(NodeId node, OnTrial tell);
    RelayCounts relay_counts() const { return relays_.counts(); }
    const Announcer& announcer() const { return announcer_; }
    const NodeId& node_id() const { return parts_.keys.public_key(); }

  private:
    Task<> announce_loop();
    Task<> unannounce();
    // Topics.
    void start(const Topic& topic);
    Task<> serve_topic(Topic topic, std::shared_ptr<Joined> joined);
    Dht::FoundPeer found_of(const Topic& topic);
    Task<Result<std::vector<Endpoint>>> own_relays();
    Task<> refresh_loop(Topic topic, std::shared_ptr<Joined> joined);
    Task<Result<void>> await_refresh(std::shared_ptr<Joined> joined, Clock::Time due);
    // Dialing.
    Task<> dial_loop();
    void start_dials();
    void start_dial(const NodeId& node, Cause cause);
    Task<> dial(NodeId node);
    Places places() const;
    bool has_room(Cause cause) const;
    void make_room(Cause cause);
    void withdraw(std::shared_ptr<Dialing> dial);
    Task<Result<Link>> reach(NodeId node, Findings& why, std::shared_ptr<Dialing> dial);
    // TCP.
    Task<> keep_fixed(FixedPeer fixed);
    std::vector<Endpoint> tcp_guess_of(const Connection& connection) const;
    Task<Clock::Span> dial_fixed(FixedPeer fixed);
    Task<> keep_near(NodeId node);
    Task<Clock::Span> hold_while_alive(std::shared_ptr<Connection> connection);
    Task<Result<Link>> reach_fixed(FixedPeer fixed, Findings& why);
    bool has_tcp(const NodeId& node) const;
    Candidates own_candidates() const;
    Task<> exchange_paths(std::shared_ptr<PathsSession> session);
    void heard_of_places(const Connection& connection, const Candidates& candidates);
    Task<> better_loop(NodeId node);
    Task<> dial_better(NodeId node);
    SwarmRelaysParts relay_parts();
    Task<Result<void>> pause_while_there(NodeId node, Clock::Span pause);
    Task<> try_dialer(NodeId node, OnTrial tell);
    Task<> try_tcp(NodeId node, Endpoint place, OnTrial tell);
    Task<> try_fixed(FixedPeer fixed, OnTrial tell);
    Task<> try_tcp_at(NodeId node, std::vector<Endpoint> places, OnTrial tell);
    std::shared_ptr<PathsSession> paths_of(const std::shared_ptr<Connection>& connection);
    // Silence.
    Task<> watch_loop();
    bool watch(Peer& peer, bool needed);
    void start_redial(std::set<NodeId>& running, const NodeId& node, Task<> dial);
    Task<> redial(NodeId node);
    Task<> seek_direct(NodeId node);
    bool pays_too_much(Peer& peer);
    Task<> leave_tcp(NodeId node);
    bool is_direct_due(Peer& peer, bool needed);
    void look_at_network();
    void doubt_relays();
    void hurry_lookups();
    Task<Result<void>> pause_while(std::function<bool()> holds, Clock::Span pause);
    Task<> try_beside(std::shared_ptr<Connection> connection, std::shared_ptr<Findings> why);
    Task<> serve_beside(Link link, NodeId node);
    Task<Result<Link>> reach_anew(NodeId node, std::vector<Endpoint> places,
                                  Dialer::Through through, Findings& why);
    void note_failure(const NodeId& node, std::vector<Finding> why);
    // Connections.
    void accepted(Link link);
    Task<> serve(std::shared_ptr<Connection> connection, PeerBook::Dialed who);
    Task<> run_connection(std::shared_ptr<Connection> connection, Tasks& all);
    Task<> prove(std::shared_ptr<Connection> connection, PeerBook::Dialed who, Tasks& all);
    Task<> count(std::shared_ptr<Connection> connection, PeerBook::Dialed who);
    Task<> serve_channels(std::shared_ptr<Connection> connection);
    bool admit(const std::shared_ptr<Connection>& connection);
    void leave_silent(Peer& peer);
    bool prefers_new(const Connection& connection, const Peer::Held& old) const;
    std::shared_ptr<Connection> rival_of(const Connection& connection) const;
    Task<> settle_tie(std::shared_ptr<Connection> connection);
    void forget(const std::shared_ptr<Connection>& connection);
    std::shared_ptr<Connection> make_connection(Link link);
    void log(const std::string& line) const;
    // What anybody who dials us can cause: only so many lines, and how many were left out.
    void log_of(const Connection& connection, const std::string& line);

    SwarmParts parts_;
    Twin twin_;
    Announcer announcer_;
    Ipv6Door door_;
    std::unique_ptr<SocketPool> pool_;
    SwarmRelays relays_;
    Dialer dialer_;
    Acceptor acceptor_;
    std::optional<TcpDialer> tcp_dialer_;
    std::optional<TcpAcceptor> tcp_acceptor_;
    std::set<NodeId> unsettled_fixed_;  // whose first dial has not ended
    std::vector<NearPeer> near_;
    BetterPasts better_pasts_;
    std::set<NodeId> near_loops_, better_loops_, redials_, direct_dials_;  // that run
    std::set<NodeId> beside_;  // dialed beside another connection, until that shows that it works
    PeerBook book_;
    std::map<Topic, std::shared_ptr<Joined>> topics_;
    std::map<NodeId, Peer> peers_;
    std::deque<std::shared_ptr<Connection>> unproven_;  // that dialed us, oldest first
    Failures failures_;
    proto::TokenBucket lines_;
    std::size_t lines_left_out_ = 0, dials_ = 0;
    Tasks* tasks_ = nullptr;       // while run() is
    Tasks* announcing_ = nullptr;  // while our key is announced
    Event changed_, own_changed_;  // of peers, dials, topics and the book; of where we are
    Clock::Time doubt_until_{};    // all connections are needed until then
    bool network_silent_ = false;
};

}  // namespace kp2p
