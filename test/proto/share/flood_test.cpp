#include "proto/share/flood.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace kp2p;
using namespace kp2p::proto;

namespace {

using Time = Flood::Time;
const Sha1 file = *Sha1::from_hex("a9993e364706816aba3e25717850c26c9cd0d89d");

NodeId node_id(std::size_t number) {
    NodeId id;
    id.data()[0] = static_cast<std::uint8_t>(number);
    id.data()[1] = 1;
    return id;
}
RequestId request_id(std::size_t number) {
    RequestId id;
    std::memcpy(id.data(), &number, sizeof number);
    id.data()[15] = 9;
    return id;
}

// Nodes that are linked and hand one another messages in order. A link's key at a node is the
// number of the node at its other end, plus 100 for each further channel.
struct Net {
    explicit Net(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) nodes.emplace_back(node_id(i));
        holds.resize(count);
        found.resize(count);
        deaf.resize(count);
    }
    void link(std::size_t a, std::size_t b, ChannelTag channel = 0) {
        nodes[a].add_link(now, b + 100 * channel, channel);
        nodes[b].add_link(now, a + 100 * channel, channel);
        run();
    }
    void search(std::size_t at, std::size_t number = 1) {
        nodes[at].search(now, 1, file, request_id(number));
        run();
    }
    // Does somebody still owe this node an answer?
    bool waits(std::size_t at) const { return nodes[at].deadline().has_value(); }
    void run() {
        for (bool moved = true; moved;) {
            moved = false;
            for (std::size_t i = 0; i < nodes.size(); ++i)
                for (const Flood::Event& event : nodes[i].take_events()) {
                    carry_out(i, event);
                    moved = true;
                }
        }
    }
    void carry_out(std::size_t at, const Flood::Event& event) {
        if (const auto* send = std::get_if<Flood::Send>(&event)) {
            const std::size_t to = send->link % 100;
            const std::size_t back = at + send->link / 100 * 100;
            sent += std::holds_alternative<Seeking>(send->message);
            if (!deaf[to]) nodes[to].receive(now, back, send->message);
        } else if (const auto* look = std::get_if<Flood::Look>(&event)) {
            nodes[at].looked(look->ticket, holds[at]);
        } else if (const auto* provider = std::get_if<Flood::Found>(&event)) {
            found[at].push_back(provider->what.node);
        }
    }

    Time now{};
    std::deque<Flood> nodes;
    std::vector<std::optional<LocalFile>> holds;
    std::vector<std::vector<NodeId>> found;
    std::vector<bool> deaf;
    std::size_t sent = 0;
};

}  // namespace

TEST_CASE("a search goes as far as its hops and no further") {
    Net net(8);
    for (std::size_t i = 0; i + 1 < 8; ++i) net.link(i, i + 1);
    net.holds[5] = LocalFile{10, true};
    net.holds[6] = LocalFile{10, true};
    net.search(0);
    CHECK(net.found[0] == std::vector<NodeId>{node_id(5)});
    CHECK(!net.waits(0));
}

TEST_CASE("every provider is found once, however the nodes are linked") {
    Net net(12);
    for (std::size_t a = 0; a < 12; ++a)
        for (std::size_t b = a + 1; b < 12; ++b) net.link(a, b);
    for (std::size_t i : {2u, 5u, 9u}) net.holds[i] = LocalFile{10, i != 5};
    net.search(0);
    CHECK(net.found[0].size() == 3);
    CHECK(!net.waits(0));
    // Each link carries the request at most once in either direction.
    CHECK(net.sent <= 12 * 11);
}

TEST_CASE("a search stays in its channel") {
    Net net(4);
    net.link(0, 1, 0);
    net.link(1, 2, 1);
    net.link(1, 3, 0);
    net.holds[2] = net.holds[3] = LocalFile{10, true};
    net.search(0);
    CHECK(net.found[0] == std::vector<NodeId>{node_id(3)});
}

TEST_CASE("a new neighbour is asked too, while the search lasts") {
    Net net(3);
    net.link(0, 1);
    net.holds[2] = LocalFile{10, true};
    net.search(0);
    CHECK(net.found[0].empty());
    CHECK(!net.waits(0));
    net.link(0, 2);
    CHECK(net.found[0].size() == 1);
    net.nodes[0].end_search(1);
    CHECK(net.nodes[0].asked(1) == 0);
}

TEST_CASE("a silent neighbour delays the end, and does not prevent it") {
    Net net(4);
    net.link(0, 1);
    net.link(1, 2);
    net.link(1, 3);
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
    net.link(0, 1);
    net.link(0, 2);
    net.deaf[1] = true;
    net.search(0);
    CHECK(net.waits(0));
    net.nodes[0].remove_link(1);
    net.run();
    CHECK(!net.waits(0));
}

TEST_CASE("answers nobody asked for, and too many of them, are dropped") {
    Net net(2);
    net.link(0, 1);
    net.deaf[1] = true;
    Flood& node = net.nodes[0];
    const auto provide = [&](std::size_t request, std::size_t number) {
        node.receive(net.now, 1, Providing{request_id(request), file, 1, node_id(number), true});
    };
    provide(7, 3);  // no such search
    net.search(0);
    provide(1, 0);  // it names ourselves
    for (std::size_t i = 2; i < 200; ++i) provide(1, i);
    net.run();
    CHECK(net.found[0].size() <= Flood::max_answers);
    CHECK(net.found[0].size() >= Flood::max_answers - 2);
}

TEST_CASE("a neighbour that searches too much is told that nobody has it") {
    Net net(2);
    net.link(0, 1);
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
    net.link(0, 1);
    Flood& node = net.nodes[0];
    for (int i = 0; i < 3; ++i) node.receive(net.now, 1, Seeking{request_id(5), file, 0});
    std::size_t looks = 0;
    for (const Flood::Event& event : node.take_events())
        looks += std::holds_alternative<Flood::Look>(event);
    CHECK(looks == 1);
}
