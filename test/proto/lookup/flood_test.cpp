#include "proto/lookup/flood.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <random>

using namespace kp2p;
using namespace kp2p::proto;

namespace {

using Time = Flood::Time;
const Sha1 file = *Sha1::from_hex("a9993e364706816aba3e25717850c26c9cd0d89d");

NodeId node_id(std::size_t number) {
    NodeId id;
    std::memcpy(id.data(), &number, sizeof number);
    id.data()[31] = 1;
    return id;
}
RequestId request_id(std::size_t number) {
    RequestId id;
    std::memcpy(id.data(), &number, sizeof number);
    id.data()[15] = 9;
    return id;
}

constexpr std::size_t most = 10000;  // nodes

// Nodes that are linked and hand one another messages in order. An edge's key at a node is the
// number of the node at its other end, plus `most` for each further channel.
struct Net {
    explicit Net(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) nodes.emplace_back(now, node_id(i));
        holds.resize(count);
        found.resize(count);
        deaf.resize(count);
    }
    void edge(std::size_t a, std::size_t b, ChannelTag channel = 0) {
        join(a, b, channel);
        run();
    }
    void join(std::size_t a, std::size_t b, ChannelTag channel) {
        nodes[a].add_edge(now, b + most * channel, {channel, node_id(b)});
        nodes[b].add_edge(now, a + most * channel, {channel, node_id(a)});
    }
    void search(std::size_t at, std::size_t number = 1) {
        nodes[at].search(now, 1, file, request_id(number));
        run();
    }
    // Does somebody still owe this node an answer?
    bool waits(std::size_t at) const { return nodes[at].deadline().has_value(); }
    void run() {
        for (;;) {
            for (std::size_t i = 0; i < nodes.size(); ++i) take(i);
            if (under_way.empty()) return;
            while (!under_way.empty()) {
                const auto [from, send] = std::move(under_way.front());
                under_way.pop_front();
                const std::size_t to = send.edge % most;
                if (deaf[to]) continue;
                nodes[to].receive(now, from + send.edge / most * most, send.message);
                take(to);
            }
        }
    }
    void take(std::size_t at) {
        for (const Flood::Event& event : nodes[at].take_events()) {
            if (const auto* send = std::get_if<Flood::Send>(&event)) {
                sent += std::holds_alternative<Seeking>(send->message);
                under_way.emplace_back(at, *send);
            } else if (const auto* look = std::get_if<Flood::Look>(&event)) {
                nodes[at].looked(look->ticket, holds[at]);
                take(at);
            } else if (const auto* provider = std::get_if<Flood::Found>(&event)) {
                found[at].push_back(provider->what.node);
            }
        }
    }
    void pass(std::chrono::milliseconds span) {
        now += span;
        for (Flood& node : nodes) node.expire(now);
        run();
    }
    // A message that this node makes up; it arrives at once.
    void say(std::size_t from, std::size_t to, const LookupMessage& message) {
        nodes[to].receive(now, from, message);
        take(to);
    }

    Time now{};
    std::deque<Flood> nodes;
    std::vector<std::optional<LocalFile>> holds;
    std::vector<std::vector<NodeId>> found;
    std::vector<bool> deaf;
    std::deque<std::pair<std::size_t, Flood::Send>> under_way;
    std::size_t sent = 0;
};

// Each is linked to `picks` others, and by those who pick it.
void mix(Net& net, std::size_t picks) {
    std::mt19937 random(7);
    std::set<std::pair<std::size_t, std::size_t>> linked;
    for (std::size_t a = 0; a < net.nodes.size(); ++a)
        for (std::size_t i = 0; i < picks; ++i) {
            const std::size_t b = random() % net.nodes.size();
            if (a != b && linked.emplace(std::min(a, b), std::max(a, b)).second) net.join(a, b, 0);
        }
}

}  // namespace

TEST_CASE("a search goes as far as its hops and no further") {
    Net net(8);
    for (std::size_t i = 0; i + 1 < 8; ++i) net.edge(i, i + 1);
    net.holds[5] = LocalFile{10, true};
    net.holds[6] = LocalFile{10, true};
    net.search(0);
    CHECK(net.found[0] == std::vector<NodeId>{node_id(5)});
    CHECK(!net.waits(0));
}

TEST_CASE("every provider is found once, however the nodes are linked") {
    Net net(12);
    for (std::size_t a = 0; a < 12; ++a)
        for (std::size_t b = a + 1; b < 12; ++b) net.edge(a, b);
    for (std::size_t i : {2u, 5u, 9u}) net.holds[i] = LocalFile{10, i != 5};
    net.search(0);
    CHECK(net.found[0].size() == 3);
    CHECK(!net.waits(0));
    // Each edge carries the request at most once in either direction.
    CHECK(net.sent <= 12 * 11);
}

TEST_CASE("a search stays in its channel") {
    Net net(4);
    net.edge(0, 1, 0);
    net.edge(1, 2, 1);
    net.edge(1, 3, 0);
    net.holds[2] = net.holds[3] = LocalFile{10, true};
    net.search(0);
    CHECK(net.found[0] == std::vector<NodeId>{node_id(3)});
}

TEST_CASE("a new neighbour is asked too, while the search lasts") {
    Net net(3);
    net.edge(0, 1);
    net.holds[2] = LocalFile{10, true};
    net.search(0);
    CHECK(net.found[0].empty());
    CHECK(!net.waits(0));
    net.edge(0, 2);
    CHECK(net.found[0].size() == 1);
    net.nodes[0].end_search(1);
    CHECK(net.nodes[0].asked(1) == 0);
}

TEST_CASE("a silent neighbour delays the end, and does not prevent it") {
    Net net(4);
    net.edge(0, 1);
    net.edge(1, 2);
    net.edge(1, 3);
    net.deaf[2] = true;
    net.holds[3] = LocalFile{10, true};
    net.search(0);
    CHECK(net.found[0].size() == 1);
    CHECK(net.waits(0));
    // The one who waits for the silent node gives up before the searcher does.
    const auto inner = net.nodes[1].deadline();
    const auto outer = net.nodes[0].deadline();
    REQUIRE(inner);
    REQUIRE(outer);
    CHECK(*inner < *outer);
    net.now = *inner;
    net.nodes[1].expire(net.now);
    net.run();
    CHECK(!net.waits(0));
}

TEST_CASE("a neighbour that goes away is not waited for") {
    Net net(3);
    net.edge(0, 1);
    net.edge(0, 2);
    net.deaf[1] = true;
    net.search(0);
    CHECK(net.waits(0));
    net.nodes[0].remove_edge(1);
    net.run();
    CHECK(!net.waits(0));
}

TEST_CASE("answers nobody asked for, and too many of them, are dropped") {
    Net net(2);
    net.edge(0, 1);
    net.deaf[1] = true;
    Flood& node = net.nodes[0];
    const auto provide = [&](std::size_t request, std::size_t number) {
        node.receive(net.now, 1, Providing{request_id(request), file, 1, node_id(number), true});
    };
    provide(7, 3);  // no such search
    net.search(0);
    provide(1, 0);  // it names ourselves
    for (std::size_t i = 2; i < 300; ++i) provide(1, i);
    net.run();
    CHECK(net.found[0].size() <= Flood::max_answers);
    CHECK(net.found[0].size() >= Flood::max_answers - 2);
    provide(1, 1);  // of itself
    net.run();
    CHECK(net.found[0].back() == node_id(1));
}

TEST_CASE("a neighbour that searches too much is told that nobody has it") {
    Net net(2);
    net.edge(0, 1);
    Flood& node = net.nodes[0];
    std::size_t looks = 0, lacking = 0;
    for (std::size_t i = 0; i < 1000; ++i) {
        node.receive(net.now, 1, Seeking{request_id(1000 + i), file, 4});
        for (const Flood::Event& event : node.take_events()) {
            if (const auto* look = std::get_if<Flood::Look>(&event)) {
                ++looks;
                node.looked(look->ticket, std::nullopt);
            } else {
                ++lacking;
            }
        }
        for (const Flood::Event& event : node.take_events())
            lacking += std::holds_alternative<Flood::Send>(event);
    }
    CHECK(looks == 500);
    CHECK(lacking == 1000);
    net.now += std::chrono::seconds(1);
    node.receive(net.now, 1, Seeking{request_id(5000), file, 4});
    const auto events = node.take_events();
    REQUIRE(events.size() == 1);
    CHECK(std::holds_alternative<Flood::Look>(events[0]));
}

TEST_CASE("a request is answered once, with lacking at every other time") {
    Net net(2);
    net.edge(0, 1);
    Flood& node = net.nodes[0];
    for (int i = 0; i < 3; ++i) node.receive(net.now, 1, Seeking{request_id(5), file, 4});
    std::size_t looks = 0;
    for (const Flood::Event& event : node.take_events())
        looks += std::holds_alternative<Flood::Look>(event);
    CHECK(looks == 1);
}

TEST_CASE("a node answers for itself beyond what it passes on, and while it asks for others") {
    Net net(3);
    net.edge(0, 1);
    net.edge(1, 2);
    net.holds[1] = net.holds[2] = LocalFile{10, true};
    for (std::size_t i = 0; i < 3000; ++i) {
        if (i % 200 == 0) net.pass(std::chrono::seconds(1));
        net.say(0, 1, Seeking{request_id(1000 + i), *Sha1::from_hex(std::string(40, 'a')), 3});
        net.run();
    }
    net.search(0);
    CHECK(std::ranges::count(net.found[0], node_id(1)) == 1);
    net.search(1, 2);
    CHECK(net.found[1] == std::vector<NodeId>{node_id(2)});
}

TEST_CASE("what a neighbour passes on does not spend what it may search itself") {
    Net net(3);
    net.edge(0, 1);
    net.edge(1, 2);
    net.holds[2] = LocalFile{10, true};
    for (std::size_t i = 0; i < 10; ++i) {  // what is shared is spent as well
        for (std::size_t j = 0; j < 200; ++j)
            net.say(0, 1, Seeking{request_id(1000 + 200 * i + j), file, 3});
        net.pass(std::chrono::seconds(1));
    }
    net.search(0);
    CHECK(net.found[0] == std::vector<NodeId>{node_id(2)});
}

TEST_CASE("more searches than a neighbour grants wait for their turn") {
    Net net(2);
    net.edge(0, 1);
    net.holds[1] = LocalFile{10, true};
    constexpr std::size_t count = 3000;
    for (std::size_t i = 0; i < count; ++i) net.nodes[0].search(net.now, i, file, request_id(i));
    net.run();
    CHECK(net.found[0].size() < count);
    CHECK(net.nodes[0].waiting(count - 1) == 1);
    for (int seconds = 0; seconds < 60; ++seconds) net.pass(std::chrono::seconds(1));
    CHECK(net.found[0].size() == count);
    CHECK(!net.waits(0));
}

TEST_CASE(
    "an edge owes what it was asked for, until it answers, is too late or need not any more") {
    Net net(3);
    net.edge(0, 1);
    net.edge(0, 2);
    net.deaf[2] = true;
    const Flood& asking = net.nodes[0];
    CHECK(!asking.owes(2));
    net.search(0);
    CHECK(!asking.owes(1));  // it lacks the file
    CHECK(asking.owes(2));
    net.nodes[0].end_search(1);
    CHECK(!asking.owes(2));
    net.search(0, 2);
    CHECK(asking.owes(2));
    net.nodes[0].search(net.now, 2, file, request_id(3));
    net.run();
    net.nodes[0].end_search(1);
    CHECK(asking.owes(2));  // of two searches one is left
    for (int seconds = 0; seconds < 10; ++seconds) net.pass(std::chrono::seconds(1));
    CHECK(!asking.owes(2));
    net.nodes[0].end_search(2);
    CHECK(!asking.owes(2));
    net.search(0, 4);
    net.nodes[0].remove_edge(2);
    CHECK(!asking.owes(2));
}

TEST_CASE("who asks first for what it hears others search does not keep the answers from them") {
    Net net(4);  // 0 searches, 1 passes on, 2 and 3 have it; 3 is asked by the thief only
    net.edge(0, 1);
    net.edge(1, 2);
    net.edge(1, 3);
    net.nodes[1].add_edge(net.now, 9, {0, node_id(9)});
    net.nodes[2].add_edge(net.now, 9, {0, node_id(9)});
    net.deaf.resize(10);
    net.nodes.resize(10, Flood(net.now, NodeId()));
    net.holds.resize(10);
    net.found.resize(10);
    net.deaf[9] = true;
    net.holds[2] = net.holds[3] = LocalFile{10, true};
    for (const std::size_t victim : {1u, 2u})
        net.nodes[victim].receive(net.now, 9, Seeking{request_id(1), file, 4});
    net.search(0);
    CHECK(std::ranges::count(net.found[0], node_id(2)) == 1);
    CHECK(std::ranges::count(net.found[0], node_id(3)) == 1);
    const Sha1 other = *Sha1::from_hex(std::string(40, 'b'));
    for (const std::size_t victim : {1u, 2u})
        net.nodes[victim].receive(net.now, 9, Seeking{request_id(2), other, 4});
    net.found[0].clear();
    net.holds[1] = LocalFile{10, true};
    net.nodes[0].end_search(1);
    net.search(0, 2);
    CHECK(std::ranges::count(net.found[0], node_id(1)) == 1);
}

TEST_CASE(
    "a neighbour that makes up answers does not hide what other neighbours say of themselves") {
    Net net(4);
    net.edge(0, 1);
    net.edge(1, 2);
    net.edge(1, 3);
    net.deaf[2] = true;
    net.holds[3] = LocalFile{10, true};
    net.nodes[0].search(net.now, 1, file, request_id(1));
    net.take(0);
    const auto asked = net.under_way.front().second;
    net.under_way.clear();
    net.nodes[1].receive(net.now, 0, asked.message);
    for (std::size_t i = 0; i < 1000; ++i)
        net.nodes[1].receive(net.now, 2, Providing{request_id(1), file, 1, node_id(50 + i), true});
    net.run();
    CHECK(std::ranges::count(net.found[0], node_id(3)) == 1);
    CHECK(net.found[0].size() <= Flood::max_answers);
}

TEST_CASE("a search reaches a channel of a thousand nodes") {
    constexpr std::size_t count = 1000;
    Net net(count);
    mix(net, 12);
    for (std::size_t i = 1; i <= 8; ++i) {
        const std::size_t provider = i * 7919 % count, searcher = i * 6007 % count;
        if (provider == searcher) continue;
        net.holds.assign(count, std::nullopt);
        net.holds[provider] = LocalFile{10, true};
        net.sent = 0;
        net.nodes[searcher].search(net.now, i, file, request_id(i));
        net.run();
        CAPTURE(i);
        CHECK(net.found[searcher] == std::vector<NodeId>{node_id(provider)});
        CHECK(net.sent <= 2 * 12 * count);
        CHECK(!net.waits(searcher));
        net.found[searcher].clear();
        net.nodes[searcher].end_search(i);
        net.now += std::chrono::milliseconds(50);
    }
}

TEST_CASE("members that search as much as they are granted hide nothing") {
    constexpr std::size_t count = 60, hostile = 20;  // the first ones
    Net net(count);
    mix(net, 12);
    net.pass(std::chrono::seconds(60));
    for (std::size_t i = 0; i < hostile; ++i) net.deaf[i] = true;
    std::size_t next = 100000;
    const auto press = [&] {  // a tenth of a second; who is not linked is not heard
        for (std::size_t from = 0; from < hostile; ++from)
            for (std::size_t to = hostile; to < count; ++to)
                for (int n = 0; n < 10; ++n)
                    net.say(from, to, Seeking{request_id(next++), file, 4});
        net.pass(std::chrono::milliseconds(100));
    };
    for (int tenth = 0; tenth < 10; ++tenth) press();
    const Sha1 wanted = *Sha1::from_hex(std::string(40, 'c'));
    for (std::size_t i = 0; i < 8; ++i) {
        const std::size_t searcher = hostile + i, provider = hostile + 8 + i;
        net.holds.assign(count, std::nullopt);
        net.holds[provider] = LocalFile{10, true};
        net.nodes[searcher].search(net.now, 1, wanted, request_id(i));
        net.run();
        press();
        CAPTURE(i);
        CHECK(net.found[searcher] == std::vector<NodeId>{node_id(provider)});
    }
}
