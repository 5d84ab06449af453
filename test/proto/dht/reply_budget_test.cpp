// What a node sends to those who may have been named by somebody else.
#include "proto/dht/node/reply_budget.hpp"

#include <map>

#include "proto/compact.hpp"
#include "proto/dht/node/node.hpp"
#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

const Endpoint self{{1, 2, 3, 4}, 49737}, stranger{{5, 6, 7, 8}, 1234};

DhtId target() { return id_of(stranger); }

Request request_of(AnyCommand command, std::optional<ByteVector> value = {}) {
    Request request;
    request.tid = 77;
    request.to = self;
    request.command = command;
    request.target = target();
    request.value = std::move(value);
    return request;
}

// A persistent node with full rows that checks its sources, and what it has sent to whom.
struct Checked {
    Checked() : node(at(0ms), setup()) {
        node.set_reach(Reach::open);
        node.become_persistent(self);
        for (std::uint8_t i = 1; i < 200; ++i) node.table().add({{80, i, 1, 1}, 49737}, 1);
    }
    static Node::Setup setup() {
        Node::Setup setup;
        setup.server.sources = ReplyBudget::Sources::checked;
        setup.random_id = id_of(Endpoint::loopback(1));
        return setup;
    }
    std::vector<ByteVector> receive(Time now, const Endpoint& from, ByteView datagram) {
        node.receive(now, SocketId::server, from, datagram);
        return sent_to(from);
    }
    std::vector<ByteVector> receive(Time now, const Endpoint& from, const Request& request) {
        return receive(now, from, encode(request));
    }
    std::vector<ByteVector> sent_to(const Endpoint& to) {
        std::vector<ByteVector> sent;
        while (auto send = node.next_send())
            if (send->to.host == to.host) sent.push_back(std::move(send->bytes));
        return sent;
    }
    std::vector<ByteVector> expire(Time now, const Endpoint& to) {
        node.expire(now);
        return sent_to(to);
    }
    // Answers what must be a ping.
    std::vector<ByteVector> answer(Time now, const Endpoint& from, ByteView ping, int wrong = 0) {
        const auto asked = std::get<Request>(*decode_rpc(ping));
        CHECK(asked.command == AnyCommand(InternalCommand::ping));
        Reply reply;
        reply.tid = static_cast<std::uint16_t>(asked.tid + wrong);
        reply.to = self;
        return receive(now, from, encode(reply));
    }

    Node node;
};

std::size_t bytes_of(const std::vector<ByteVector>& datagrams) {
    std::size_t bytes = 0;
    for (const ByteVector& datagram : datagrams) bytes += datagram.size();
    return bytes;
}

Reply reply_in(const ByteVector& datagram) { return std::get<Reply>(*decode_rpc(datagram)); }

// Stores a value of this size under target(), as somebody else who has been given a token.
DhtId store(Checked& checked, std::size_t bytes) {
    const Endpoint other{{9, 9, 9, 9}, 9};
    const ByteVector value(bytes, 7);
    Request put = request_of(Command::immutable_put, value);
    put.target = target_of_value(value);
    auto sent = checked.receive(at(0ms), other, request_of(Command::immutable_get));
    REQUIRE(sent.size() == 1);
    sent = checked.answer(at(1ms), other, sent[0]);
    REQUIRE(sent.size() == 1);
    put.token = reply_in(sent[0]).token;
    CHECK(checked.receive(at(2ms), other, put).size() == 1);
    return *put.target;
}

}  // namespace

TEST_CASE("whoever never answers gets at most three times what it sent, whatever it asks") {
    const ByteVector port = proto::Writer().u16(999).take(),
                     delay = proto::Writer().u32(100).take();
    const ByteVector node = proto::Writer().addr4(stranger).take(),
                     seq = proto::Writer().uint(0).take();
    const std::map<std::string, Request> requests{
        {"ping", request_of(InternalCommand::ping)},
        {"ping_nat", request_of(InternalCommand::ping_nat, port)},
        {"find_node", request_of(InternalCommand::find_node)},
        {"down_hint", request_of(InternalCommand::down_hint, node)},
        {"delayed_ping", request_of(InternalCommand::delayed_ping, delay)},
        {"handshake", request_of(Command::peer_handshake,
                                 PeerHandshake{Mode::from_client, {1}, {}, {}}.encode())},
        {"find_peer", request_of(Command::find_peer)},
        {"lookup", request_of(Command::lookup)},
        {"mutable_get", request_of(Command::mutable_get, seq)},
        {"immutable_get", request_of(Command::immutable_get)},
        {"unknown", request_of(Command(200))},
    };
    for (const bool with_target : {true, false}) {
        for (auto [name, request] : requests) {
            CAPTURE(name);
            Checked checked;
            if (name == "immutable_get") request.target = store(checked, 1000);
            if (!with_target) request.target.reset();
            const std::size_t limit = 3 * encode(request).size();
            std::size_t bytes = bytes_of(checked.receive(at(10ms), stranger, request));
            for (int ms = 100; ms < 10000; ms += 100)
                bytes += bytes_of(checked.expire(at(std::chrono::milliseconds(ms)), stranger));
            CHECK(bytes <= limit);
            if (name == "ping" || with_target) CHECK(bytes > 0);
            CHECK(!checked.node.deadline());
        }
    }
}

TEST_CASE("whoever answers a ping gets the whole reply, and the next one at once") {
    Checked checked;
    Request get = request_of(Command::immutable_get);
    get.target = store(checked, 1000);
    const auto ping = checked.receive(at(10ms), stranger, get);
    REQUIRE(ping.size() == 1);
    CHECK(ping[0].size() <= encode(get).size());
    // The repetition of a request that waits is asked for proof too, but answered once.
    const auto again = checked.receive(at(300ms), stranger, get);
    CHECK(again == ping);
    const auto reply = checked.answer(at(400ms), stranger, ping[0]);
    REQUIRE(reply.size() == 1);
    CHECK(reply_in(reply[0]).value == ByteVector(1000, 7));
    CHECK(reply_in(reply[0]).closer_nodes.size() == 20);
    CHECK(checked.expire(at(5s), stranger).empty());
    get.tid = 78;
    CHECK(reply_in(checked.receive(at(4min), stranger, get).at(0)).value == ByteVector(1000, 7));
    // Not for ever: the address may be another's by now.
    CHECK(checked.receive(at(4min + 300s), stranger, get).at(0).size() <= encode(get).size());
}

TEST_CASE("a short reply brings a ping along, so that the next need not wait") {
    Checked checked;
    Request get = request_of(Command::immutable_get);
    get.target = store(checked, 1000);
    Request find = request_of(InternalCommand::find_node);
    find.value = ByteVector(100);  // so that twenty nodes are not too many
    const auto sent = checked.receive(at(10ms), stranger, find);
    REQUIRE(sent.size() == 2);
    CHECK(reply_in(sent[0]).closer_nodes.size() == 20);
    CHECK(bytes_of(sent) <= 3 * encode(find).size());
    CHECK(checked.answer(at(50ms), stranger, sent[1]).empty());
    CHECK(reply_in(checked.receive(at(60ms), stranger, get).at(0)).value == ByteVector(1000, 7));
    CHECK(checked.receive(at(70ms), stranger, find).size() == 1);
}

TEST_CASE("an answer that does not fit the ping proves nothing, and there is no second guess") {
    Checked checked;
    const Request lookup = request_of(Command::lookup);
    const auto ping = checked.receive(at(0ms), stranger, lookup);
    REQUIRE(ping.size() == 1);
    CHECK(checked.answer(at(10ms), stranger, ping[0], 1).empty());
    CHECK(checked.answer(at(20ms), stranger, ping[0]).empty());
    // What comes instead is small, and has a token for those who can show that they got it.
    const auto small = checked.expire(at(700ms), stranger);
    REQUIRE(small.size() == 1);
    const Reply reply = reply_in(small[0]);
    REQUIRE(reply.token);
    CHECK(reply.closer_nodes.size() > 0);
    CHECK(reply.closer_nodes.size() < 20);
    Request with_token = lookup;
    with_token.token = reply.token;
    const auto whole = checked.receive(at(800ms), stranger, with_token);
    REQUIRE(whole.size() == 1);
    CHECK(reply_in(whole[0]).closer_nodes.size() == 20);
}

TEST_CASE("a flood from one address brings back little, and others are served") {
    Checked checked;
    const Request lookup = request_of(Command::lookup), ping = request_of(InternalCommand::ping);
    std::size_t bytes = 0;
    for (int i = 0; i < 900000; i += 100) {  // in twelve seconds
        const Time now = at(std::chrono::milliseconds(12 * i / 900));
        bytes += bytes_of(checked.receive(now, stranger, i % 200 ? lookup : ping));
        bytes += bytes_of(checked.expire(now, stranger));
    }
    CHECK(bytes < 64 * 1024);
    const Endpoint neighbour{{5, 6, 7, 9}, 1};
    const auto asked = checked.receive(at(12s), neighbour, lookup);
    REQUIRE(asked.size() == 1);
    CHECK(checked.answer(at(12s + 50ms), neighbour, asked[0]).size() == 1);
}

TEST_CASE("a flood in the name of many brings each little, and newcomers still get in") {
    Checked checked;
    const Request lookup = request_of(Command::lookup);
    std::size_t bytes = 0, newcomers = 0;
    for (std::uint32_t i = 0; i < 50000; ++i) {  // in ten seconds
        const Time now = at(std::chrono::milliseconds(i / 5));
        const auto byte = [i](int shift) {
            return static_cast<std::uint8_t>(i * 2654435u >> shift);
        };
        const Endpoint forged{{20, byte(16), byte(8), byte(0)}, 5};
        bytes += bytes_of(checked.receive(now, forged, lookup));
        checked.node.expire(now);
        while (checked.node.next_send()) continue;
        if (i % 5000 != 4999) continue;
        const Endpoint newcomer{{99, byte(0), 1, 1}, 5};
        const auto asked = checked.receive(now, newcomer, lookup);
        if (asked.empty()) continue;
        (void)checked.answer(now, newcomer, asked[0]);
        Request again = lookup;
        again.tid = 99;
        newcomers += checked.receive(now, newcomer, again).size();
    }
    CHECK(bytes < 50000 * encode(lookup).size());
    CHECK(newcomers == 10);
}

TEST_CASE("only nodes that have answered enter the table") {
    Checked checked;
    Request find = request_of(InternalCommand::find_node);
    const Endpoint near{{200, 1, 1, 1}, 49737};
    while (RoutingTable::row_capacity == checked.node.table().row_of(id_of(near)).size())
        checked.node.table().remove(checked.node.table().row_of(id_of(near)).front()->id);
    find.id = id_of(near);
    const auto sent = checked.receive(at(0ms), near, find);
    CHECK(!checked.node.table().find(id_of(near)));
    REQUIRE(sent.size() == 2);  // a reply, and a ping
    CHECK(bytes_of(sent) <= 3 * encode(find).size());
    const bool ping_first = std::holds_alternative<Request>(*decode_rpc(sent[0]));
    const auto asked = std::get<Request>(*decode_rpc(sent[ping_first ? 0 : 1]));
    Reply pong;
    pong.tid = asked.tid;
    pong.to = self;
    pong.id = id_of(near);
    (void)checked.receive(at(10ms), near, encode(pong));
    CHECK(checked.node.table().find(id_of(near)));
}

TEST_CASE("two nodes that check their sources do not ping each other for ever") {
    Checked one, other;
    const Endpoint there{{9, 9, 9, 1}, 49737};
    ByteVector on_the_way = encode(request_of(InternalCommand::ping));
    bool to_one = true;
    int hops = 0;
    std::vector<std::pair<bool, ByteVector>> queue{{true, on_the_way}};
    while (!queue.empty() && hops < 50) {
        std::tie(to_one, on_the_way) = queue.back();
        queue.pop_back();
        ++hops;
        Checked& receiver = to_one ? one : other;
        for (ByteVector& sent : receiver.receive(at(std::chrono::milliseconds(hops)),
                                                 to_one ? there : self, on_the_way))
            queue.emplace_back(!to_one, std::move(sent));
    }
    CHECK(hops < 10);
}

TEST_CASE("what comes by IPv6 is not of the DHT, which has no room for its addresses") {
    Checked s;
    const Request ping = request_of(InternalCommand::ping);
    CHECK(s.receive(Time(1h), *Endpoint::parse("[2001:db8::1]:5"), ping).empty());
    CHECK(!s.node.next_send());
    CHECK(!s.receive(Time(1h), stranger, ping).empty());
}
