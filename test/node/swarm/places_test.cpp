#include "node/swarm/places.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>

#include "node/swarm/peer_book.hpp"
#include "proto/lookup/lookup.hpp"
#include "test/node/swarm/numbered.hpp"

namespace kp2p {
namespace {

using namespace std::chrono_literals;
using test::number_of;
using test::numbered;

Topic topic(std::uint8_t number) {
    Topic one;
    one.data()[0] = number;
    return one;
}

// As many as may come, all old, all members of one topic.
struct Full {
    Full() {
        for (std::size_t i = 0; i < Places::max_came; ++i) {
            Place place{numbered(i), Cause::came, now - 1h - std::chrono::seconds(i), Use(), false};
            place.use.topics.insert(topic(1));
            taken.push_back(place);
        }
    }
    std::optional<NodeId> displaced(Cause cause) { return Places(taken).displaced(now, cause); }
    void fill() {  // to the last place
        while (taken.size() < Places::max_connections) {
            taken.push_back(taken.back());
            taken.back().node = numbered(taken.size());
        }
    }
    Places::Time now{1000h};
    std::vector<Place> taken;
};

TEST_CASE("the least useful connection makes room, and none where something is under way") {
    Full full;
    CHECK(full.displaced(Cause::came) == numbered(0));  // the youngest
    CHECK_FALSE(full.displaced(Cause::key));            // there are places left for us
    full.taken[0].use.topics.insert(topic(2));          // the only one in it
    CHECK(full.displaced(Cause::came) == numbered(1));
    full.taken[1].use.work = Work::busy;
    CHECK(full.displaced(Cause::came) == numbered(2));
    full.taken[2].use.work = Work::quiet;
    CHECK(full.displaced(Cause::came) == numbered(3));
    full.taken[3].cause = Cause::topic;
    CHECK(full.displaced(Cause::came) == numbered(4));
    full.taken[4].since = full.now - 1s;
    CHECK(full.displaced(Cause::came) == numbered(5));
    full.taken[40].stranger = full.taken[41].stranger = true;
    CHECK(full.displaced(Cause::came) == numbered(41));  // the oldest of them
}

TEST_CASE("who comes displaces nobody whom we have picked, who is asked for does") {
    Full full;
    for (std::size_t i = Places::picks; i < full.taken.size(); ++i)
        full.taken[i].use.work = Work::busy;
    for (std::size_t i = 0; i < Places::picks; ++i) full.taken[i].cause = Cause::topic;
    CHECK_FALSE(Places(full.taken).room(full.now, Cause::came));
    CHECK(Places(full.taken).room(full.now, Cause::key));
    full.fill();
    CHECK_FALSE(Places(full.taken).room(full.now, Cause::topic));
    CHECK(full.displaced(Cause::key) == numbered(0));
    for (Place& place : full.taken) place.use.work = Work::busy;
    CHECK_FALSE(Places(full.taken).room(full.now, Cause::key));
}

TEST_CASE("members are needed until there are enough, and some of them picked by us") {
    std::vector<Place> taken;
    CHECK(Places(taken).need({topic(1)}) == 2);
    const auto add = [&](Cause cause) {
        Place place{numbered(taken.size()), cause, Places::Time(), Use(), false};
        place.use.topics.insert(topic(1));
        taken.push_back(place);
    };
    for (std::size_t i = 0; i < Places::wanted; ++i) add(Cause::came);
    CHECK(Places(taken).need({topic(1)}) == 2);
    for (std::size_t i = 0; i < Places::picks; ++i) add(Cause::topic);
    CHECK(Places(taken).need({topic(1)}) == 0);
    CHECK(Places(taken).need({topic(1), topic(2)}) == 2);
    taken.resize(Places::wanted);
    for (std::size_t i = 0; i < Places::picks; ++i) taken[i].cause = Cause::topic;
    taken.pop_back();
    CHECK(Places(taken).need({topic(1)}) == 1);
}

// Nodes of one channel as these policies connect them: whoever joins looks up some of those who
// have joined before, and dials as it needs; whoever is dialed takes it in or not.
struct Crowd {
    struct Node {
        explicit Node(std::size_t number) : book(numbered(number), number + 1) {}
        PeerBook book;
        std::map<std::size_t, Place> taken;
    };

    Places places(std::size_t at) const {
        std::vector<Place> all;
        for (const auto& [other, place] : nodes[at].taken) all.push_back(place);
        return Places(std::move(all));
    }
    void part(std::size_t a, std::size_t b) {
        for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
            const auto lived = now - *nodes[one].taken.at(other).since;
            nodes[one].taken.erase(other);
            nodes[one].book.closed(now, numbered(other), lived);
        }
    }
    bool take_in(std::size_t at, std::size_t other, Cause cause) {
        if (!places(at).room(now, cause)) return false;
        if (const auto least = places(at).displaced(now, cause)) part(at, number_of(*least));
        Place place{numbered(other), cause, now, Use(), false};
        place.use.topics.insert(topic(1));
        nodes[at].taken.emplace(other, place);
        const bool came = cause == Cause::came;
        nodes[at].book.connected(numbered(other),
                                 came ? PeerBook::Dialed::by_them : PeerBook::Dialed::by_us);
        return true;
    }
    bool connect(std::size_t from, std::size_t to, Cause cause) {
        if (nodes[from].taken.contains(to)) return true;
        nodes[from].book.dialing(numbered(to));
        if (places(from).room(now, cause) && take_in(to, from, Cause::came)) {
            if (take_in(from, to, cause)) return true;
            part(from, to);
        }
        nodes[from].book.dial_failed(now, numbered(to), PeerBook::Answered::no);
        return false;
    }
    void dial(std::size_t at) {
        for (;;) {
            const Places taken = places(at);
            if (!taken.room(now, Cause::topic)) return;
            const auto next = nodes[at].book.next_dial(
                now, [&](const auto& topics) { return taken.need(topics); });
            if (!next) return;
            connect(at, number_of(*next), Cause::topic);
        }
    }
    void look_up(std::size_t at) {
        for (std::size_t i = 0; i < 40; ++i)
            nodes[at].book.discovered(now, topic(1), numbered(random() % nodes.size()), {});
    }
    std::size_t join() {
        nodes.emplace_back(nodes.size());
        const std::size_t newcomer = nodes.size() - 1;
        look_up(newcomer);
        dial(newcomer);
        return newcomer;
    }
    void pass(std::chrono::seconds span) {
        now += span;
        for (std::size_t at = 0; at < nodes.size(); ++at) dial(at);
    }
    // That a search of this node comes to.
    std::size_t reached(std::size_t from) const {
        std::set<std::size_t> known{from}, edge{from};
        for (int steps = 0; steps <= proto::max_hops; ++steps) {
            std::set<std::size_t> next;
            for (const std::size_t at : edge)
                for (const auto& [other, place] : nodes[at].taken)
                    if (known.insert(other).second) next.insert(other);
            edge = std::move(next);
        }
        return known.size();
    }

    Places::Time now{1000h};
    std::mt19937_64 random{5};
    std::deque<Node> nodes;
};

TEST_CASE("a thousand nodes that join one after another are all within reach of each other") {
    constexpr std::size_t count = 1000;
    Crowd crowd;
    while (crowd.nodes.size() < count) {
        crowd.join();
        crowd.now += 1s;
        if (crowd.nodes.size() % 100 == 0) crowd.pass(1s);
    }
    for (int i = 0; i < 4; ++i) crowd.pass(2s);
    for (const Crowd::Node& one : crowd.nodes) {
        CHECK(one.taken.size() <= Places::max_connections);
        CHECK(one.taken.size() >= Places::picks);
    }
    std::size_t transfers = 0;
    for (std::size_t i = 0; i < 16; ++i) {
        const std::size_t searcher = i < 8 ? crowd.join() : crowd.random() % count;
        CHECK(crowd.reached(searcher) == crowd.nodes.size());
        transfers += crowd.connect(searcher, crowd.random() % count, Cause::key);
        crowd.now += 1s;
    }
    CHECK(transfers == 16);
}

}  // namespace
}  // namespace kp2p
