// Several nodes' worth of Share in one process: each with its storage in a temporary directory,
// connected by streams in memory whenever they are in one topic, as the swarm would.
#pragma once

#include <asio/thread_pool.hpp>
#include <deque>
#include <filesystem>
#include <random>
#include <set>

#include "node/async/foreign_calls.hpp"
#include "node/async/tasks.hpp"
#include "node/share/peers.hpp"
#include "node/share/share.hpp"
#include "node/store/store.hpp"
#include "proto/file/links.hpp"
#include "test/node/swarm/numbered.hpp"
#include "test/node/transport/memory_stream.hpp"
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
    std::vector<Finding> why_not(const NodeId&) const override { return {}; }
    std::optional<Finding> network_trouble() const override { return trouble; }
    Task<Result<std::shared_ptr<Connection>>> connect(NodeId node) override;
    std::optional<Finding> trouble;

  private:
    FakeNetwork& network_;
    NodeId own_;
};

struct FakeNode {
    FakeNode(FakeNetwork& network, std::uint8_t number);

    NodeId id;
    TempDir directory;
    Store store;
    FakePeers peers;
    std::vector<std::string> log;
    Share share;
};

// The machine's clock, `speed` times as fast. The speed is set before anything else.
class HastyClock final : public Clock {
  public:
    int speed = 1;
    Time now() const override {
        return start_ + speed * (std::chrono::steady_clock::now() - start_);
    }
    Task<Result<void>> sleep_until(Time moment) override {
        co_return co_await real_.sleep_until(start_ + (moment - start_) / speed);
    }
    std::unique_ptr<Alarm> alarm(Executor executor, std::function<void()> on_time) override;

  private:
    Time start_ = std::chrono::steady_clock::now();
    SteadyClock real_;
};

class FakeNetwork {
  public:
    explicit FakeNetwork(Executor on) : executor(on) {}

    FakeNode& add();
    // A member of the topic that is no Share.
    NodeId add_stranger(const Topic& topic, Serve serve);
    std::uint8_t next_number() const { return static_cast<std::uint8_t>(members_.size() + 1); }
    std::shared_ptr<Connection> connect(const NodeId& from, const NodeId& to);
    void disconnect(const NodeId& node);
    std::set<NodeId> away;  // cannot be connected to

    Executor executor;
    Tasks* tasks = nullptr;  // owns what runs on the connections
    asio::thread_pool pool{2};
    HastyClock clock;
    SteadyClock steady;
    ForeignCalls foreign{executor, steady};
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
ByteVector content(const std::filesystem::path& path);
proto::Uri uri_of(const Sha1& sha1);
ChannelName lab();
// `count` nodes in the channel.
Task<std::vector<FakeNode*>> members(FakeNetwork& network, std::size_t count);
bool logged(const FakeNode& node, const NodeId& whom);

// Runs `body` with a fresh network and ends all connections behind it.
template <class Body>
Task<> with_network(Body body) {
    auto executor = co_await asio::this_coro::executor;
    FakeNetwork network(executor);
    auto inner = [&](Tasks& links) -> Task<> {
        network.tasks = &links;
        co_await body(network);
        links.cancel();
    };
    auto ended = co_await with_tasks(inner);
    (void)ended;
}

}  // namespace kp2p::test
