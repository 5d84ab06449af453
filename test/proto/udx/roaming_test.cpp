// Transfers whose ends move to other addresses meanwhile.
#include <doctest/doctest.h>

#include "test/proto/udx/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;
using proto::udx::Closed;
using proto::udx::MtuSearch;

namespace {

struct Move {
    Span at;
    int side, address;
};

struct Journey {
    std::string name;
    std::uint64_t bytes_of_0, bytes_of_1;
    std::vector<Move> moves;
    LinkOptions link = {.bytes_per_second = 5e6};
    Span limit = 20s;
    bool one_way = false;  // 1 sends nothing, not even an end
};

void travel(const Journey& row, std::uint64_t seed) {
    CAPTURE(row.name);
    CAPTURE(seed);
    Sim sim(row.link, seed, {.keepalive = 500ms});
    sim.side(0).to_write = row.bytes_of_0;
    sim.side(1).to_write = row.bytes_of_1;
    sim.side(1).ends = !row.one_way;
    int address[2] = {10, 20};
    for (const Move& move : row.moves) {
        sim.at(Sim::start() + move.at, [&sim, move] { sim.roam(move.side, move.address); });
        address[move.side] = move.address;
    }
    sim.run(row.limit);
    for (int i = row.one_way ? 1 : 0; i < 2; ++i) {
        CAPTURE(i);
        CHECK(sim.side(i).right);
        CHECK(sim.side(i).read == sim.side(1 - i).to_write);
        CHECK(sim.side(i).done_at.has_value());
        CHECK(sim.remote_of(i) == address[1 - i]);
    }
}

}  // namespace

TEST_CASE("a transfer goes on when the peer's address changes") {
    const LinkOptions lossy{.loss = 0.03, .reorder = 0.05, .bytes_per_second = 5e6};
    const LinkOptions far{.loss = 0.01, .delay = 150ms, .bytes_per_second = 5e6};
    constexpr std::uint64_t much = 4'000'000;
    const Journey rows[] = {
        {"nobody moves", much, much, {}},
        {"who sends", much, 0, {{300ms, 0, 11}}, {.bytes_per_second = 5e6}, 20s, true},
        {"who receives", much, 0, {{300ms, 1, 21}}},
        {"of two who send", much, much, {{300ms, 1, 21}}},
        {"over a lossy link", much, much / 2, {{300ms, 1, 21}}, lossy, 40s},
        {"over a long way", much / 4, much / 8, {{800ms, 1, 21}}, far, 60s},
        {"again and again",
         4 * much,
         much,
         {{300ms, 1, 21}, {2500ms, 1, 22}, {5500ms, 1, 23}, {8500ms, 1, 24}, {11500ms, 1, 25}},
         {.bytes_per_second = 1e6},
         60s},
        {"and back again",
         2 * much,
         much,
         {{300ms, 1, 21}, {2500ms, 1, 20}},
         {.bytes_per_second = 2e6},
         40s},
        {"and back again at once", much, much, {{300ms, 1, 21}, {500ms, 1, 20}}},
        {"and back later",
         4 * much,
         0,
         {{300ms, 0, 11}, {5500ms, 0, 10}},
         {.bytes_per_second = 1e6},
         60s,
         true},
    };
    for (const Journey& row : rows)
        for (std::uint64_t seed : {1u, 2u}) travel(row, seed);
}

TEST_CASE("a new path is measured anew") {
    Sim sim({.mtu_bytes = 1500}, 1);
    sim.side(0).to_write = 40'000'000;
    sim.side(1).to_write = 40'000'000;
    sim.run(600ms);
    REQUIRE(sim.stream(0).mtu_bytes() == MtuSearch::internet_bytes);
    REQUIRE(sim.stream(0).round_trip().known());
    const std::size_t window = sim.stream(0).window_packets();
    sim.roam(1, 21);
    while (sim.remote_of(0) != 21 && sim.elapsed() < 5s) sim.run(1ms);
    CHECK(sim.remote_of(0) == 21);
    CHECK(sim.stream(0).mtu_bytes() == MtuSearch::base_bytes);
    CHECK(sim.stream(0).window_packets() < window);
    CHECK(sim.elapsed() < 3s);
}

TEST_CASE("what is out already gets through a way that became narrower, and the rest fits it") {
    for (const bool elsewhere : {true, false}) {
        CAPTURE(elsewhere);
        Sim sim({.bytes_per_second = 5e6}, 1);
        sim.side(0).to_write = sim.side(1).to_write = 10'000'000;
        sim.run(600ms);
        REQUIRE(sim.stream(0).mtu_bytes() == MtuSearch::internet_bytes);
        sim.narrow(1350);
        if (elsewhere) sim.roam(1, 21);
        sim.run(20s);
        CHECK(sim.side(1).read == 10'000'000);
        CHECK(sim.side(1).right);
        CHECK(sim.stream(0).mtu_bytes() <= 1350);
        CHECK(sim.stream(0).mtu_bytes() > MtuSearch::base_bytes);
        CHECK(*sim.side(1).done_at - Sim::start() < (elsewhere ? 12s : 8s));
    }
}

TEST_CASE("where not even fragments get through any more the stream soon ends") {
    for (const bool both_send : {true, false}) {
        CAPTURE(both_send);
        Sim sim({.bytes_per_second = 5e6}, 1);
        sim.side(0).to_write = 10'000'000;
        if (both_send) sim.side(1).to_write = 10'000'000;
        sim.run(600ms);
        REQUIRE(sim.stream(0).mtu_bytes() == MtuSearch::internet_bytes);
        sim.narrow(1350, false);
        sim.run(3s);
        CHECK(sim.stream(0).closed() == proto::udx::Closed::timed_out);
    }
}

TEST_CASE("a stream outlives seconds in which nothing gets through") {
    for (const bool both : {true, false}) {
        CAPTURE(both);
        Sim sim({.bytes_per_second = 5e6}, 1);
        sim.side(0).to_write = 10'000'000;
        if (both) sim.side(1).to_write = 10'000'000;
        sim.at(Sim::start() + 600ms, [&] { sim.narrow(0, false); });
        sim.at(Sim::start() + 4s, [&] { sim.narrow(1500); });
        sim.run(20s);
        CHECK(sim.side(1).read == 10'000'000);
    }
}

TEST_CASE("a requested path is taken when the peer answers there, and only then") {
    for (const bool answers : {true, false}) {
        CAPTURE(answers);
        Sim sim({}, 1);
        sim.side(0).to_write = sim.side(1).to_write = 10'000'000;
        sim.at(Sim::start() + 100ms, [&] {
            sim.allow(1, 21, answers);
            sim.try_remote(0, 21);
        });
        sim.run(20s);
        CHECK(sim.side(1).read == 10'000'000);
        CHECK(sim.side(0).read == 10'000'000);
        CHECK(sim.side(1).right);
        CHECK(sim.remote_of(0) == (answers ? 21 : 20));
        if (!answers) CHECK(sim.bytes_into_void(21) <= 3 * 120);
        CHECK(*sim.side(1).done_at - Sim::start() < 4s);
    }
}

TEST_CASE("a forged source moves no stream while the peer is there, and costs the victim nothing") {
    Sim sim({}, 1);
    sim.side(0).to_write = sim.side(1).to_write = 10'000'000;
    ByteVector forged(proto::udx::header_bytes + 1000);
    const proto::udx::Header header{.flags = proto::udx::flag::message, .receiver_id = 1};
    proto::udx::write_header(header, std::span(forged).first<proto::udx::header_bytes>());
    for (int i = 1; i < 3000; ++i) {
        sim.at(Sim::start() + i * 1ms, [&sim, &forged, i] {
            sim.forge(0, 90 + i % 3, forged);
            CHECK(sim.remote_of(0) == 20);
        });
    }
    sim.run(20s);
    CHECK(sim.side(1).read == 10'000'000);
    CHECK(sim.side(0).read == 10'000'000);
    for (int victim : {90, 91, 92}) CHECK(sim.bytes_into_void(victim) == 0);
}

TEST_CASE("an idle stream that is lied to asks its peer, and stays") {
    Sim sim({.loss = 0.05}, 5);
    sim.side(0).to_write = sim.side(1).to_write = 10'000;
    sim.side(0).ends = sim.side(1).ends = false;
    sim.run(2s);
    std::array<std::uint8_t, 20> packet{};
    proto::udx::write_header({.receiver_id = 1}, packet);
    const std::uint64_t before = sim.datagrams();
    for (int i = 1; i < 1000; ++i)
        sim.at(sim.now() + i * 10ms, [&sim, &packet] { sim.forge(0, 90, packet); });
    sim.run(30s);
    CHECK(sim.remote_of(0) == 20);
    CHECK(sim.bytes_into_void(90) == 0);
    CHECK(sim.datagrams() - before > 10);
    CHECK(sim.datagrams() - before < 60);
    CHECK(sim.stream(0).closed() == Closed::no);
}
