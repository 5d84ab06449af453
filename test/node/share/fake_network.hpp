// Several nodes' worth of Share in one process: each with its storage in a temporary directory,
// connected by streams in memory whenever they are in one topic, as the swarm would. Time is the
// simulator's: waiting costs none, and heavy work neither.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <random>
#include <set>

#include "node/async/foreign_calls.hpp"
#include "node/async/memory.hpp"
#include "node/async/tasks.hpp"
#include "node/share/channels/peers.hpp"
#include "node/share/share.hpp"
#include "node/store/store.hpp"
#include "proto/file/links.hpp"
#include "test/node/swarm/numbered.hpp"
#include "test/node/transport/memory_stream.hpp"
#include "test/sim/sim.hpp"
#include "test/temp_dir.hpp"

namespace kp2p::test {

class FakeNetwork;

// What runs on a connection's end: a Share, or a peer of a test's own.
using Serve = std::function<Task<>(std::shared_ptr<Connection>)>;

class FakePeers final : public Peers {
  public:
    FakePeers(FakeNetwork& network, const NodeId& own) : network_(network), own_(own) {}
    void join(const Topic& topic) override;
    void leave(const Topic& topic) override;
    bool settling(const Topic&) const override { return false; }
    bool looked_up_again(const Topic&, Clock::Time) override { return !look_up || look_up(); }
    std::vector<Finding> why_not(const NodeId&) const override { return {}; }
    std::vector<Finding> why_none(const Topic&) const override { return unreached; }
    std::optional<Finding> network_trouble() const override { return trouble; }
    std::optional<Finding> twin() const override { return same_key; }
    Task<Result<std::shared_ptr<Connection>>> connect(NodeId node) override;
    std::shared_ptr<Connection> best(const NodeId& node) const override;  // the newest
    std::optional<Finding> trouble, same_key;
    std::vector<Finding> unreached;  // of nodes of each topic
    std::function<bool()> look_up;   // whether it is done; null: always

  private:
    FakeNetwork& network_;
    NodeId own_;
};

struct FakeNode {
    FakeNode(FakeNetwork& network, std::uint8_t number);

    Runtime runtime;
    NodeId id;
    TempDir directory{TempDir::Medium::memory};
    Store store;
    FakePeers peers;
    std::vector<std::string> log;
    Share share;
};

class FakeNetwork {
  public:
    explicit FakeNetwork(Sim& sim) : runtime(sim.runtime()) {}

    FakeNode& add();
    // A member of the topic that is no Share.
    NodeId add_stranger(const Topic& topic, Serve serve);
    std::uint8_t next_number() const { return static_cast<std::uint8_t>(members_.size() + 1); }
    std::shared_ptr<Connection> connect(const NodeId& from, const NodeId& to);
    // One more, which is the better one.
    std::shared_ptr<Connection> connect_better(const NodeId& from, const NodeId& to);
    void disconnect(const NodeId& node);
    std::set<NodeId> away;  // cannot be connected to
    // Of new connections: so many bytes each way come as they were sent.
    std::uint64_t alters_after = std::numeric_limits<std::uint64_t>::max();

    Runtime& runtime;
    Clock& clock = runtime.clock;
    ForeignCalls foreign{runtime};
    Tasks* tasks = nullptr;      // owns what runs on the connections
    bool meet_in_topics = true;  // false: only who connects by node id is connected

  private:
    friend class FakePeers;
    struct Member {
        Serve serve;
        std::set<Topic> topics;
    };
    struct Link {
        NodeId one, other;
        std::weak_ptr<Connection> connection;
    };
    void meet(const NodeId& newcomer, const Topic& topic);
    Task<> keep(std::shared_ptr<Connection> connection, Serve serve);

    std::deque<FakeNode> nodes_;
    std::map<NodeId, Member> members_;
    std::vector<Link> links_;
    std::mt19937 random_{1};
};

inline constexpr std::uint64_t mib = proto::chunk_bytes;

ByteVector noise(std::uint64_t size, std::uint32_t seed = 1);
// Of few words, which travel compressed: there is less to simulate.
ByteVector prose(std::uint64_t size, std::uint32_t seed = 1);
ByteVector content(const std::filesystem::path& path);
proto::Uri uri_of(const Sha1& sha1);
ChannelName lab();
const ChannelKey& lab_key();  // derived once, which takes long
ChannelKey other_key();       // of another channel, whatever its name
// `count` nodes in the channel.
Task<std::vector<FakeNode*>> members(FakeNetwork& network, std::size_t count);
bool logged(const FakeNode& node, const NodeId& whom);

// Runs `body` with a fresh network in a world of its own, and ends all connections behind it.
template <class Body>
void in_network(Body body) {
    keep_freed_memory();  // as a daemon does
    Sim sim(1);
    FakeNetwork network(sim);
    auto inner = [&](Tasks& links) -> Task<> {
        network.tasks = &links;
        co_await body(network);
        links.cancel();
    };
    auto root = [&]() -> Task<> {
        auto ended = co_await with_tasks(inner);
        (void)ended;
    };
    sim.run(root());
}

}  // namespace kp2p::test
