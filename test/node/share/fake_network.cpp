#include "test/node/share/fake_network.hpp"

#include <cstring>
#include <random>

#include "proto/record/gcm_stream.hpp"
#include "test/files.hpp"
#include "test/run.hpp"

namespace kp2p::test {

void FakePeers::join(const Topic& topic) { network_.meet(own_, topic); }

void FakePeers::leave(const Topic& topic) { network_.members_.at(own_).topics.erase(topic); }

Task<Result<std::shared_ptr<Connection>>> FakePeers::connect(NodeId node) {
    auto connection = network_.connect(own_, node);
    if (!connection) co_return Errc::cannot_connect;
    co_return connection;
}

std::shared_ptr<Connection> FakePeers::best(const NodeId& node) const {
    for (auto link = network_.links_.rbegin(); link != network_.links_.rend(); ++link) {
        auto connection = link->connection.lock();
        const bool this_one = link->one == own_ && link->other == node;
        if (this_one && connection && !connection->is_closed()) return connection;
    }
    return nullptr;
}

FakeNode::FakeNode(FakeNetwork& network, std::uint8_t number)
    : runtime(network.runtime),
      id(numbered(number)),
      store(*Store::open(directory.path())),
      peers(network, id),
      share(ShareParts{runtime, store, peers, network.foreign, id}) {
    runtime.log = [this](const char*, const std::string& line) { log.push_back(line); };
}

FakeNode& FakeNetwork::add() {
    FakeNode& node = nodes_.emplace_back(*this, next_number());
    members_[node.id].serve = [&node](std::shared_ptr<Connection> connection) {
        return node.share.serve(std::move(connection));
    };
    return node;
}

NodeId FakeNetwork::add_stranger(const Topic& topic, Serve serve) {
    const NodeId id = numbered(next_number());
    members_[id].serve = std::move(serve);
    meet(id, topic);
    return id;
}

void FakeNetwork::meet(const NodeId& newcomer, const Topic& topic) {
    if (meet_in_topics)
        for (const auto& [id, member] : members_)
            if (id != newcomer && member.topics.contains(topic)) connect(newcomer, id);
    members_.at(newcomer).topics.insert(topic);
}

std::shared_ptr<Connection> FakeNetwork::connect(const NodeId& from, const NodeId& to) {
    if (!members_.contains(from) || !members_.contains(to)) return nullptr;
    if (away.contains(from) || away.contains(to)) return nullptr;
    for (const Link& link : links_) {
        const bool these =
            (link.one == from && link.other == to) || (link.one == to && link.other == from);
        auto connection = link.connection.lock();
        if (these && connection && !connection->is_closed()) return connection;
    }
    return connect_better(from, to);
}

std::shared_ptr<Connection> FakeNetwork::connect_better(const NodeId& from, const NodeId& to) {
    auto streams = stream_pair(runtime.executor);
    streams.to_initiator->alters_after = streams.to_responder->alters_after = alters_after;
    auto keys = keys_of(Role::initiator), back = keys_of(Role::responder);
    for (std::uint8_t& byte : keys.hash.mutable_view()) byte = static_cast<std::uint8_t>(random_());
    back.hash = keys.hash;
    keys.remote = to;
    back.remote = from;
    auto near = std::make_shared<Connection>(runtime.executor, clock, std::move(streams.initiator),
                                             keys, proto::gcm_stream(keys));
    auto far = std::make_shared<Connection>(runtime.executor, clock, std::move(streams.responder),
                                            back, proto::gcm_stream(back));
    links_.push_back({from, to, near});
    links_.push_back({to, from, far});
    tasks->spawn(keep(near, members_.at(from).serve));
    tasks->spawn(keep(far, members_.at(to).serve));
    return near;
}

void FakeNetwork::disconnect(const NodeId& node) {
    for (const Link& link : links_)
        if (auto connection = link.connection.lock(); connection && link.one == node)
            connection->close();
}

namespace {

Task<> serve_and_close(std::shared_ptr<Connection> connection, Serve serve) {
    co_await serve(connection);
    connection->close();
}

}  // namespace

Task<> FakeNetwork::keep(std::shared_ptr<Connection> connection, Serve serve) {
    auto body = [&](Tasks& all) -> Task<> {
        all.spawn(serve_and_close(connection, serve));
        co_await run_connection(connection);
    };
    auto ended = co_await with_tasks(body);
    (void)ended;
}

ByteVector content(const std::filesystem::path& path) {
    const std::string text = read_file(path);
    const ByteView bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

// In words of 8 bytes that a random one begins: they compress, and no chunk is like another.
ByteVector prose(std::uint64_t size, std::uint32_t seed) {
    std::uint8_t words[256][8];
    for (std::size_t first = 0; first < 256; ++first)
        for (std::size_t i = 0; i < 8; ++i)
            words[first][i] = static_cast<std::uint8_t>(first + 13 * i);
    std::mt19937_64 random(seed);
    ByteVector bytes((size + 63) / 64 * 64);
    std::uint8_t* to = bytes.data();
    for (std::size_t at = 0; at < bytes.size(); at += 64) {
        std::uint64_t drawn = random();  // eight words' worth
        for (int i = 0; i < 8; ++i, drawn >>= 8, to += 8) std::memcpy(to, words[drawn & 0xff], 8);
    }
    bytes.resize(size);
    return bytes;
}

ByteVector noise(std::uint64_t size, std::uint32_t seed) {
    // Lines out of a sheet so wide that a block hardly meets a byte of it twice: nothing in it can
    // be compressed, and a sanitizer sees one number drawn for many bytes.
    constexpr std::size_t line_bytes = 512, sheet_bytes = 1 << 20;
    static const ByteVector sheet = [] {
        std::mt19937_64 random(1);
        ByteVector bytes(sheet_bytes + line_bytes);
        for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
            const std::uint64_t drawn = random();
            std::memcpy(bytes.data() + at, &drawn, sizeof drawn);
        }
        return bytes;
    }();
    std::mt19937_64 random(seed);
    ByteVector bytes((size + line_bytes - 1) / line_bytes * line_bytes);
    for (std::size_t at = 0; at < bytes.size(); at += line_bytes)
        std::memcpy(bytes.data() + at, sheet.data() + random() % sheet_bytes, line_bytes);
    bytes.resize(size);
    return bytes;
}

proto::Uri uri_of(const Sha1& sha1) {
    proto::Uri uri;
    uri.sha1 = sha1;
    return uri;
}

ChannelName lab() { return *ChannelName::parse("our-lab"); }

const ChannelKey& lab_key() {
    static const ChannelKey key = *proto::derive_channel_key(lab());
    return key;
}

ChannelKey other_key() {
    ChannelKey key;
    key.mutable_view()[0] = 1;
    return key;
}

Task<std::vector<FakeNode*>> members(FakeNetwork& network, std::size_t count) {
    std::vector<FakeNode*> nodes;
    for (std::size_t i = 0; i < count; ++i) {
        nodes.push_back(&network.add());
        nodes.back()->share.join(lab(), lab_key());
    }
    co_return nodes;
}

bool logged(const FakeNode& node, const NodeId& whom) {
    return std::any_of(node.log.begin(), node.log.end(), [&](const std::string& line) {
        return line.find(whom.hex()) != std::string::npos;
    });
}

}  // namespace kp2p::test
