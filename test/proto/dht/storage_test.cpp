#include "proto/dht/table/storage.hpp"

#include <set>

#include "proto/compact.hpp"
#include "proto/dht/node/server.hpp"
#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

using Numbers = GenerationCache<DhtId, int, BytesHash>;

DhtId key(std::uint32_t number) { return id_of({{1, 1, 1, 1}, std::uint16_t(number)}); }

NodeId node_key(std::uint32_t number) { return NodeId(key(number).view()); }

}  // namespace

TEST_CASE("a cached entry lives one to two lifetimes, and reading renews it") {
    Numbers cache(at(0ms), {1 << 20, 100s});
    cache.put(at(0ms), key(1), 1);
    cache.put(at(0ms), key(2), 2);
    CHECK(cache.find(at(150s), key(1)));
    CHECK(cache.find(at(249s), key(1)));
    CHECK(!cache.find(at(251s), key(2)));
    CHECK(cache.find(at(252s), key(1)));
    CHECK(!cache.find(at(10h), key(1)));
    CHECK(cache.size() == 0);
}

TEST_CASE("a cache that is full drops the older half") {
    Numbers cache(at(0ms), {10000, 1h});
    for (std::uint32_t i = 0; i < 1000; ++i) cache.put(at(0ms), key(i), 1);
    CHECK(cache.find(at(0ms), key(999)));
    CHECK(!cache.find(at(0ms), key(0)));
    CHECK(cache.size() < 300);
    CHECK(cache.size() > 50);
    cache.put(at(0ms), key(5), 5, 1 << 20);  // one entry larger than all
    cache.erase(key(5));
    CHECK(!cache.find(at(0ms), key(5)));
}

TEST_CASE("a cache holds no more than twice its capacity, however its old half is read") {
    constexpr int room = 100;  // how many entries of this size fit, at most
    Numbers cache(at(0ms), {room * 2000, 1h});
    for (std::uint32_t cycle = 0; cycle < 10; ++cycle) {
        for (std::uint32_t i = 0; i < room; ++i) cache.put(at(0ms), key(cycle * room + i), 7, 2000);
        for (std::uint32_t i = 0; i < cycle * room; ++i) {
            const int* found = cache.find(at(0ms), key(i));
            CHECK((!found || *found == 7));
        }
        CHECK(cache.size() <= 2 * room);
    }
}

TEST_CASE("a topic keeps one record per key, fresh ones as they are") {
    TopicRecords records(at(0ms), 1);
    const PeerRecord first{node_key(1), {Endpoint::loopback(1)}};
    const PeerRecord second{node_key(1), {Endpoint::loopback(2)}};
    records.add(at(0ms), key(9), first);
    records.add(at(1s), key(9), second);
    CHECK(records.sample(at(2s), key(9), 20) == std::vector{first});
    records.add(at(801s), key(9), second);  // the first is stale now
    CHECK(records.sample(at(802s), key(9), 20) == std::vector{second});
    records.remove(key(9), node_key(1));
    CHECK(records.sample(at(803s), key(9), 20).empty());
    records.add(at(900s), key(9), first);
    CHECK(records.sample(at(900s + 1601s), key(9), 20).empty());
}

TEST_CASE("a lookup gives twenty different records of many, at random") {
    TopicRecords records(at(0ms), 1);
    for (std::uint32_t i = 0; i < 3000; ++i) records.add(at(0ms), key(9), {node_key(i), {}});
    std::set<NodeId> seen;
    for (int i = 0; i < 50; ++i) {
        std::set<NodeId> keys;
        for (const PeerRecord& record : records.sample(at(0ms), key(9), 20))
            keys.insert(record.key);
        CHECK(keys.size() == 20);
        seen.merge(keys);
    }
    CHECK(seen.size() > 400);
}

TEST_CASE("records beyond the capacity push the oldest out, whatever their topics") {
    TopicRecords records(at(0ms), 1);
    const std::vector<Endpoint> relays(3, Endpoint::loopback(3));
    for (std::uint32_t i = 0; i < 60000; ++i) records.add(at(0ms), key(i), {node_key(1), relays});
    CHECK(records.sample(at(0ms), key(59999), 20).size() == 1);
    CHECK(records.sample(at(0ms), key(0), 20).empty());
}

TEST_CASE("a delayed ping is answered in time, and only so many wait") {
    RoutingTable table(key(1));
    Server server(at(0ms), table, {});
    Request request;
    request.command = InternalCommand::delayed_ping;
    request.value = ByteVector{0xe8, 3, 0, 0};
    for (std::size_t i = 0; i < 2 * Server::max_delayed_pings; ++i)
        server.receive(at(0ms), SocketId::client, Endpoint::loopback(5), request);
    CHECK(server.deadline() == at(1s));
    server.expire(at(999ms));
    CHECK(!server.next_send());
    server.expire(at(1s));
    std::size_t answers = 0;
    while (const auto send = server.next_send()) {
        CHECK(send->to == Endpoint::loopback(5));
        ++answers;
    }
    CHECK(answers == Server::max_delayed_pings);
    CHECK(!server.deadline());
}

TEST_CASE("a stranger makes us send to others only so often") {
    RoutingTable table(key(1));
    Server server(at(0ms), table, {});
    Request request;
    request.command = Command::peer_holepunch;
    request.target = key(2);
    request.value = PeerHolepunch{Mode::from_client, 0, {1}, Endpoint::loopback(9)}.encode();
    std::size_t sent = 0;
    for (int i = 0; i < 1000; ++i) {
        server.receive(at(0ms), SocketId::server, Endpoint::loopback(5), request);
        while (server.next_send()) ++sent;
    }
    CHECK(sent == 500);
    server.receive(at(0ms), SocketId::server, {{10, 0, 0, 1}, 5}, request);
    CHECK(server.next_send());
}

TEST_CASE("one source does not push out what others have stored") {
    RoutingTable table(key(1));
    Server server(at(0ms), table, {});
    server.set_id(key(1));
    const auto ask = [&server](const Endpoint& from, Command command, const ByteVector& value,
                               std::optional<Token> token) {
        Request request;
        request.command = command;
        request.target = target_of_value(value);
        request.token = token;
        if (command == Command::immutable_put) request.value = value;
        server.receive(at(0ms), SocketId::server, from, request);
        std::optional<Reply> reply;
        while (const auto send = server.next_send())
            reply = std::get<Reply>(*decode_rpc(send->bytes));
        return reply;
    };
    const auto put = [&ask](const Endpoint& from, const ByteVector& value) {
        const auto asked = ask(from, Command::immutable_get, value, {});
        REQUIRE(asked);
        return ask(from, Command::immutable_put, value, asked->token).has_value();
    };
    const Endpoint flooder{{10, 0, 0, 1}, 5}, honest{{10, 0, 0, 2}, 5}, late{{10, 0, 0, 3}, 5};
    const ByteVector kept{1, 2, 3};
    CHECK(put(honest, kept));
    for (std::uint32_t i = 0; i < 3000; ++i) {
        ByteVector value = proto::Writer().u32(i).take();
        value.resize(900);
        (void)put({flooder.host, static_cast<std::uint16_t>(1 + i)}, value);
    }
    CHECK(ask(late, Command::immutable_get, kept, {})->value == kept);
    CHECK(put(late, {4, 5, 6}));
}
