#include "proto/dht/node/upkeep.hpp"

#include "proto/dht/node/node.hpp"
#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

const Endpoint us = Endpoint::loopback(40001);

// Addresses whose ids all fall into the row of ids that share no bit with ours.
std::vector<Endpoint> row_mates(std::size_t count) {
    std::vector<Endpoint> nodes;
    for (std::uint16_t port = 1; nodes.size() < count; ++port)
        if (shared_prefix_bits(id_of(us), id_of(Endpoint::loopback(port))) == 0)
            nodes.push_back(Endpoint::loopback(port));
    return nodes;
}

void hear(Upkeep& upkeep, const Endpoint& from) {
    upkeep.heard({from, id_of(from), us, Upkeep::Arrival::default_socket});
}

}  // namespace

TEST_CASE("what nodes say of our address is sampled once each, and only on the default socket") {
    RoutingTable table(id_of(us));
    Upkeep upkeep(table, {});
    const Endpoint other = Endpoint::loopback(9);
    upkeep.heard({Endpoint::loopback(1), id_of(Endpoint::loopback(1)), other,
                  Upkeep::Arrival::other_socket});
    CHECK(!upkeep.sampler().address());
    hear(upkeep, Endpoint::loopback(2));
    CHECK(upkeep.sampler().address() == us);
    // An id-less node counts once; a second one does not, as there is no bootstrap node.
    upkeep.heard({Endpoint::loopback(3), std::nullopt, us, Upkeep::Arrival::default_socket});
    upkeep.heard({Endpoint::loopback(4), std::nullopt, other, Upkeep::Arrival::default_socket});
    CHECK(upkeep.sampler().address() == us);
    CHECK(table.size() == 2);
}

TEST_CASE("in a full row the least recently heard node is checked before a newcomer enters") {
    const auto nodes = row_mates(21);
    struct Row {
        const char* name;
        Upkeep::Outcome outcome;
        bool heard_again, newcomer_enters;
    };
    const Row rows[] = {{"dead", Upkeep::Outcome::failed, false, true},
                        {"alive", Upkeep::Outcome::answered, true, false},
                        {"answered by another", Upkeep::Outcome::answered, false, true}};
    for (const Row& row : rows) {
        CAPTURE(row.name);
        RoutingTable table(id_of(us));
        Upkeep upkeep(table, {});
        upkeep.bootstrapped();
        for (std::size_t i = 0; i < 20; ++i) hear(upkeep, nodes[i]);
        for (int i = 0; i < 13; ++i) upkeep.tick(0);
        while (upkeep.next_check()) continue;
        for (std::size_t i = 1; i < 20; ++i) hear(upkeep, nodes[i]);
        upkeep.tick(0);
        hear(upkeep, nodes[20]);
        const auto check = upkeep.next_check();
        REQUIRE(check);
        CHECK(check->address == nodes[0]);
        CHECK(check->newcomer == nodes[20]);
        if (row.heard_again) hear(upkeep, nodes[0]);
        upkeep.check_ended(*check, row.outcome);
        CHECK((table.find(id_of(nodes[20])) != nullptr) == row.newcomer_enters);
        CHECK((table.find(id_of(nodes[0])) == nullptr) == row.newcomer_enters);
        CHECK(table.size() == 20);
    }
}

TEST_CASE("every eighth tick the oldest nodes are pinged; the dead ones go") {
    Node::Setup setup;
    setup.reach = Reach::open;
    Node node(at(0ms), setup);
    for (std::uint16_t port = 1; port < 9; ++port) node.table().add(Endpoint::loopback(port), 1);
    std::size_t pings = 0;
    for (int i = 1; i <= 16; ++i) {
        node.tick(at(i * 5s));
        while (const auto send = node.next_send()) ++pings;
    }
    CHECK(pings == 7);      // five, and then two, as the oldest was pinged not long ago
    node.expire(at(100s));  // no answer: the transmissions of one moment, then the next
    for (int i = 101; i < 110; ++i) {
        node.expire(at(i * 1s));
        while (node.next_send()) continue;
    }
    CHECK(node.table().size() <= 3);
    CHECK(!node.next_event());
    CHECK(node.requests_in_flight() == 0);
}

TEST_CASE("who does not answer leaves the table, but no relay does for a server's silence") {
    struct Row {
        const char* name;
        AnyCommand command;
        bool stays;
    };
    const Row rows[] = {{"ping", InternalCommand::ping, false},
                        {"find_peer", Command::find_peer, false},
                        {"peer_handshake", Command::peer_handshake, true},
                        {"peer_holepunch", Command::peer_holepunch, true}};
    const Endpoint relay = Endpoint::loopback(1);
    for (const Row& row : rows) {
        CAPTURE(row.name);
        Node node(at(0ms), {});
        node.table().add(relay, 1);
        Ask ask;
        ask.to = relay;
        ask.command = row.command;
        ask.target = DhtId();
        CHECK(node.ask(at(0ms), std::move(ask)));
        for (int i = 1; i < 10; ++i) node.expire(at(i * 1s));
        CHECK(node.requests_in_flight() == 0);
        CHECK((node.table().find(id_of(relay)) != nullptr) == row.stays);
    }
}

TEST_CASE("hints that a node is down are checked, ten at a time") {
    RoutingTable table(id_of(us));
    Upkeep upkeep(table, {});
    for (std::uint16_t port = 1; port < 30; ++port) hear(upkeep, Endpoint::loopback(port));
    for (std::uint16_t port = 1; port < 30; ++port)
        upkeep.suspected_down(id_of(Endpoint::loopback(port)), Upkeep::Said::by_another);
    std::vector<Upkeep::Check> checks;
    while (const auto check = upkeep.next_check()) checks.push_back(*check);
    CHECK(checks.size() == Upkeep::max_suspicions);
    upkeep.check_ended(checks[0], Upkeep::Outcome::failed);
    CHECK(!table.find(checks[0].node));
    const auto again = Upkeep::Said::by_another;
    upkeep.suspected_down(checks[1].node, again);  // hinted and pinged in this tick already
    CHECK(!upkeep.next_check());
}

TEST_CASE("one that says itself that it leaves is named to nobody, unless it is heard after all") {
    const Endpoint node = Endpoint::loopback(1);
    for (const bool stays : {false, true}) {
        CAPTURE(stays);
        RoutingTable table(id_of(us));
        Upkeep upkeep(table, {});
        hear(upkeep, node);
        const auto named = [&] { return table.closest(id_of(node), 20).size(); };
        CHECK(named() == 1);
        upkeep.suspected_down(id_of(node), Upkeep::Said::by_itself);
        CHECK(named() == 0);
        const auto check = upkeep.next_check();
        REQUIRE(check);
        if (stays) hear(upkeep, node);  // the answer, so somebody else has said it in its name
        upkeep.check_ended(*check, stays ? Upkeep::Outcome::answered : Upkeep::Outcome::failed);
        CHECK(named() == (stays ? 1 : 0));
        CHECK((table.find(id_of(node)) != nullptr) == stays);
    }
}

TEST_CASE("a refresh is due five minutes after the last query, or when the table is empty") {
    RoutingTable table(id_of(us));
    Upkeep upkeep(table, {});
    std::vector<Endpoint> nodes;  // enough of them: a small table is refreshed sooner
    for (std::uint16_t port = 1; table.size() < 20; ++port) {
        nodes.push_back(Endpoint::loopback(port));
        hear(upkeep, nodes.back());
    }
    upkeep.query_started();
    for (Tick i = 0; i + 1 < Upkeep::refresh_ticks; ++i) upkeep.tick(0);
    CHECK(!upkeep.take_refresh());
    upkeep.tick(0);
    CHECK(upkeep.take_refresh());
    CHECK(!upkeep.take_refresh());
    for (const Endpoint& node : nodes) table.remove(id_of(node));
    for (int i = 0; i < 8; ++i) upkeep.tick(0);
    CHECK(upkeep.take_refresh());
}
