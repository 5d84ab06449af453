// StreamRelay: forwards UDX streams between nodes that cannot reach each other, of which at least
// one is in a channel of ours. What they say to each other stays between them. Shape: spawn run();
// serve() each channel on which a node asks for it. All that a node can cost has a limit, and there
// is one for all. Source: npm blind-relay 1.6.1, which has none.
#pragma once

#include <array>
#include <list>
#include <map>

#include "node/async/runtime.hpp"
#include "node/relay/relay_talk.hpp"
#include "node/transport/connection.hpp"
#include "node/udx/udx_relay.hpp"
#include "proto/limit/token_bucket.hpp"
#include "proto/relay/half_pairs.hpp"

namespace kp2p {

struct StreamRelayParts {
    Runtime& runtime;
    UdxContext& udx;
    std::function<bool()> serves;                  // at this moment
    std::function<bool(const NodeId&)> is_member;  // of a channel of ours, proven
};

struct RelayCounts {
    bool serves = false;
    std::size_t waiting = 0, pairs = 0;  // now: with one side there, with both
    std::uint64_t all_pairs = 0, refused = 0;
    UdxRelay::Counts forwarded;
};

class StreamRelay {
  public:
    static constexpr std::size_t max_pairs = 64, max_pairs_of_node = 8;
    // Each side of a stream says something every five seconds.
    static constexpr std::chrono::seconds max_silence{30};

    explicit StreamRelay(StreamRelayParts parts);
    ~StreamRelay();

    Task<> run();
    bool serves() const { return parts_.serves(); }
    bool is_member(const NodeId& node) const { return parts_.is_member(node); }
    // Until the channel ends.
    Task<> serve(std::shared_ptr<Connection> connection, std::shared_ptr<MuxChannel> channel);
    RelayCounts counts() const;

  private:
    using SessionId = std::uint64_t;
    struct Session {
        Session(Executor executor, std::shared_ptr<Connection> connection)
            : connection(std::move(connection)), talk(executor) {}
        std::shared_ptr<Connection> connection;
        RelayTalk talk;
    };
    struct Account {  // of a member
        proto::TokenBucket rate, volume;
        std::size_t pairs = 0;
    };
    struct Pair {
        proto::RelayToken token;
        std::array<SessionId, 2> sessions;  // the initiator's first
        std::array<Connection::Hold, 2> holds;
        Account* account = nullptr;
        std::unique_ptr<UdxRelay> relay;
    };
    using Pairs = std::list<Pair>;

    void hear(SessionId id, const proto::RelayMessage& message);
    void pair(SessionId id, const proto::RelayPair& asked);
    void connect(const proto::HalfPairs::Half& one, const proto::HalfPairs::Half& other);
    bool reads(SessionId id) const;
    bool knows(SessionId id, const Host& host) const;
    bool pay(Account& account, std::size_t bytes);
    Account* account_of(const NodeId& node);
    Pairs::iterator end(Pairs::iterator pair);
    void end_where(const std::function<bool(const Pair&)>& is_meant);

    StreamRelayParts parts_;
    proto::HalfPairs halves_;
    std::map<SessionId, std::shared_ptr<Session>> sessions_;
    SessionId last_session_ = 0;
    std::map<NodeId, Account> accounts_;
    proto::TokenBucket rate_;
    Pairs pairs_;
    RelayCounts past_;  // of pairs that have ended
};

}  // namespace kp2p
