// Queries in a network of routing tables without packets: a visit is answered at once from the
// table of the node that is visited.
#include "proto/dht/node/query.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "test/proto/dht/json.hpp"

using namespace kp2p;
using namespace kp2p::proto::dht;
using namespace kp2p::test;

namespace {

Endpoint address_of(std::uint32_t number) {
    return {{10, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)},
            4000};
}

struct Network {
    explicit Network(std::uint32_t size) {
        for (std::uint32_t i = 0; i < size; ++i)
            tables.emplace(address_of(i), RoutingTable(id_of(address_of(i))));
        std::vector<std::uint32_t> order(size);
        std::iota(order.begin(), order.end(), 0);
        std::mt19937 random(1);
        for (auto& [address, table] : tables) {
            std::shuffle(order.begin(), order.end(), random);  // who fills a row differs
            for (const std::uint32_t i : order) table.add(address_of(i), 1);
        }
    }
    std::optional<Reply> answer(const Endpoint& asked, const DhtId& target) {
        const auto table = tables.find(asked);
        if (table == tables.end() || dead.contains(asked)) return std::nullopt;
        Reply reply;
        reply.id = table->second.self();
        reply.closer_nodes = table->second.closest(target, 20);
        return reply;
    }
    std::vector<Endpoint> truly_closest(const DhtId& target) {
        std::vector<Endpoint> all;
        for (const auto& [address, table] : tables)
            if (!dead.contains(address)) all.push_back(address);
        std::sort(all.begin(), all.end(), [&](const Endpoint& a, const Endpoint& b) {
            return compare_distance(target, id_of(a), id_of(b)) < 0;
        });
        all.resize(std::min<std::size_t>(all.size(), 20));
        return all;
    }
    std::map<Endpoint, RoutingTable> tables;
    std::set<Endpoint> dead;
};

// Carries a query out; answers come in an order of their own.
std::size_t carry_out(Query& query, const std::function<std::optional<Reply>(Endpoint)>& answer) {
    std::mt19937 random(1);
    std::vector<Endpoint> under_way;
    std::size_t visits = 0;
    while (!query.finished()) {
        while (const auto visit = query.next_visit()) {
            under_way.push_back(*visit);
            ++visits;
        }
        if (query.finished()) break;
        REQUIRE(!under_way.empty());
        CHECK(under_way.size() <= Query::full_concurrency);
        const std::size_t pick = random() % under_way.size();
        const Endpoint next = under_way[pick];
        under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(pick));
        if (const auto reply = answer(next))
            query.on_reply(next, *reply);
        else
            query.on_failed(next);
    }
    return visits;
}

std::vector<Endpoint> found(const Query& query) {
    std::vector<Endpoint> addresses;
    for (const QueryReply& reply : query.closest()) addresses.push_back(reply.from);
    return addresses;
}

DhtId target_number(std::uint32_t number) { return id_of({{1, 2, 3, 4}, std::uint16_t(number)}); }

}  // namespace

TEST_CASE("a query finds exactly the closest nodes, asking few") {
    Network network(400);
    std::size_t total_visits = 0;
    for (std::uint32_t i = 1; i < 20; ++i) {
        CAPTURE(i);
        RoutingTable empty(target_number(60000));
        Query::Start start;
        start.target = target_number(i);
        start.bootstrap = {address_of(i)};
        Query query(empty, start);
        const auto answer = [&](Endpoint asked) { return network.answer(asked, start.target); };
        const std::size_t visits = carry_out(query, answer);
        CHECK(found(query) == network.truly_closest(start.target));
        total_visits += visits;
    }
    CHECK(total_visits / 19 < 70);
}

TEST_CASE("a query gets past dead nodes and tells who named them") {
    Network network(200);
    for (std::uint32_t i = 0; i < 200; i += 3) network.dead.insert(address_of(i));
    RoutingTable empty(target_number(60000));
    Query::Start start;
    start.target = target_number(5);
    start.bootstrap = {address_of(1)};
    Query query(empty, start);
    const auto answer = [&](Endpoint asked) { return network.answer(asked, start.target); };
    carry_out(query, answer);
    CHECK(found(query) == network.truly_closest(start.target));
    std::size_t hints = 0;
    while (const auto hint = query.next_down_hint()) {
        CHECK(network.dead.contains(hint->dead));
        CHECK(!network.dead.contains(hint->referrer));
        ++hints;
    }
    CHECK(hints > 5);
}

TEST_CASE("a query for nobody ends") {
    RoutingTable empty(target_number(1));
    CHECK(Query(empty, {}).finished());
    Query::Start start;
    start.bootstrap = {address_of(1), address_of(2)};
    Query query(empty, start);
    CHECK(!query.finished());
    CHECK(carry_out(query, [](Endpoint) { return std::nullopt; }) == 2);
    CHECK(query.closest().empty());
}

TEST_CASE("a node that invents closer nodes without end does not keep a query going") {
    RoutingTable empty(target_number(1));
    Query::Start start;
    start.target = target_number(2);
    start.bootstrap = {address_of(0)};
    Query query(empty, start);
    std::uint32_t invented = 0;
    const auto answer = [&](Endpoint asked) {
        Reply reply;
        reply.id = id_of(asked);
        // As if it could find ids ever closer to the target.
        for (int i = 0; i < 20; ++i) {
            ++invented;
            reply.closer_nodes.push_back(
                {{20, static_cast<std::uint8_t>(invented >> 16),
                  static_cast<std::uint8_t>(invented >> 8), static_cast<std::uint8_t>(invented)},
                 1});
        }
        return std::optional(reply);
    };
    CHECK(carry_out(query, answer) <= Query::max_seen);
}

TEST_CASE("bootstrap nodes are asked first while the table is small, seeds before the table") {
    RoutingTable table(target_number(1));
    table.add(address_of(1), 1);
    Query::Start start;
    start.target = target_number(2);
    start.seeds = {address_of(2), address_of(3)};
    start.bootstrap = {address_of(4)};
    Query query(table, start);
    CHECK(query.next_visit() == address_of(4));
    CHECK(query.next_visit() == address_of(1));
    CHECK(query.next_visit() == address_of(2));
    CHECK(query.next_visit() == address_of(3));
    CHECK(!query.next_visit());
}

TEST_CASE("bootstrap nodes are asked however many seeds there are: these may all be dead") {
    RoutingTable empty(target_number(1));
    Query::Start start;
    start.target = target_number(2);
    for (std::uint32_t i = 0; i < 20; ++i) start.seeds.push_back(address_of(100 + i));
    start.bootstrap = {address_of(1)};
    Query query(empty, start);
    carry_out(query, [](Endpoint from) {
        Reply reply;
        reply.id = id_of(from);
        return from == address_of(1) ? std::optional(reply) : std::nullopt;
    });
    REQUIRE(query.closest().size() == 1);
    CHECK(query.closest()[0].from == address_of(1));
}

TEST_CASE("a slow node frees its place, and does not hold up the end") {
    RoutingTable table(target_number(1));
    for (std::uint32_t i = 0; i < 40; ++i) table.add(address_of(i), 1);
    Query::Start start;
    start.target = target_number(2);
    Query query(table, start);
    std::vector<Endpoint> first;
    while (const auto visit = query.next_visit()) first.push_back(*visit);
    REQUIRE(first.size() == Query::full_concurrency);
    query.on_slow(first[0]);
    query.on_slow(first[0]);
    CHECK(query.next_visit());
    CHECK(!query.next_visit());
}

TEST_CASE("in a small network a dead node is not waited for to the end") {
    RoutingTable empty(target_number(1));
    Query::Start start;
    start.target = target_number(2);
    start.bootstrap = {address_of(1), address_of(2), address_of(3)};
    const auto answer = [](Endpoint from) {
        Reply reply;
        reply.id = id_of(from);
        return reply;
    };
    Query query(empty, start);
    query.on_slow(address_of(3));
    query.on_slow(address_of(3));
    Reply naming_it = answer(address_of(1));
    naming_it.closer_nodes = {address_of(3)};
    query.on_reply(address_of(1), naming_it);
    CHECK(!query.finished());  // the other one may still answer in time
    query.on_slow(address_of(2));
    CHECK(!query.finished());
    query.on_slow(address_of(2));
    CHECK(query.finished());
    CHECK(found(query) == std::vector{address_of(1)});
    const auto overdue = query.overdue();
    REQUIRE(overdue.size() == 2);
    for (const auto& visit : overdue)
        CHECK(visit.referrers.size() == (visit.node == address_of(3) ? 1 : 0));

    // Who is known to be silent is visited, but not waited for.
    Query again(empty, start);
    again.on_silent(address_of(3));
    again.on_reply(address_of(1), answer(address_of(1)));
    CHECK(!again.finished());
    again.on_reply(address_of(2), answer(address_of(2)));
    CHECK(again.finished());
    CHECK(again.closest().size() == 2);

    // With nobody found there is nothing to end with.
    Query lonely(empty, start);
    for (int i = 1; i <= 3; ++i) lonely.on_silent(address_of(std::uint32_t(i)));
    CHECK(!lonely.finished());
    for (int i = 1; i <= 3; ++i) lonely.on_failed(address_of(std::uint32_t(i)));
    CHECK(lonely.finished());
}

TEST_CASE("replies without a verified id and errors are no closest nodes") {
    RoutingTable empty(target_number(1));
    Query::Start start;
    start.bootstrap = {address_of(1), address_of(2), address_of(3)};
    Query query(empty, start);
    carry_out(query, [](Endpoint asked) {
        Reply reply;
        if (asked == address_of(1))
            reply.id = id_of(address_of(2));
        else
            reply.id = id_of(asked);
        if (asked == address_of(2)) reply.error = rpc_unknown_command;
        return std::optional(reply);
    });
    CHECK(found(query) == std::vector{address_of(3)});
    CHECK(query.successes() == 2);
}
