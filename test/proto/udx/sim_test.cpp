#include <doctest/doctest.h>

#include "test/proto/udx/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;
using proto::udx::Closed;

namespace {

struct Row {
    std::string name;
    LinkOptions link;
    std::uint64_t bytes;
    Span limit;
};

void transfer(const Row& row, std::uint64_t seed) {
    CAPTURE(row.name);
    CAPTURE(seed);
    Sim sim(row.link, seed);
    sim.side(0).to_write = row.bytes;
    sim.side(1).to_write = row.bytes / 3;
    sim.run(row.limit);
    for (int i : {0, 1}) {
        CAPTURE(i);
        CHECK(sim.side(i).right);
        CHECK(sim.side(i).read == sim.side(1 - i).to_write);
        CHECK(sim.side(i).done_at.has_value());
        CHECK(sim.side(i).most_unread <= (8 << 20) + (256 << 10));
    }
}

}  // namespace

TEST_CASE("every byte arrives over every link") {
    const Row rows[] = {
        {"clean", {}, 20'000'000, 5s},
        {"1 % loss", {.loss = 0.01}, 10'000'000, 10s},
        {"3 % loss", {.loss = 0.03}, 10'000'000, 10s},
        {"10 % loss", {.loss = 0.1}, 5'000'000, 20s},
        {"30 % loss", {.loss = 0.3}, 500'000, 60s},
        {"reordering", {.reorder = 0.3}, 10'000'000, 10s},
        {"repetition", {.repeat = 0.3}, 10'000'000, 10s},
        {"all at once", {.loss = 0.03, .repeat = 0.05, .reorder = 0.1}, 5'000'000, 20s},
        {"a long way", {.loss = 0.01, .delay = 150ms}, 5'000'000, 60s},
        {"a slow link",
         {.loss = 0.01, .delay = 30ms, .bytes_per_second = 100e3, .queue_bytes = 20'000},
         500'000,
         60s},
        {"a short queue", {.delay = 20ms, .queue_bytes = 15'000}, 10'000'000, 30s},
        {"a narrow path", {.mtu_bytes = 1300}, 5'000'000, 10s},
        {"a path narrower than others", {.mtu_bytes = 700}, 5'000'000, 10s},
        {"nothing to carry", {.loss = 0.1}, 0, 20s},
    };
    for (const Row& row : rows)
        for (std::uint64_t seed : {1u, 2u, 3u}) transfer(row, seed);
}

TEST_CASE("the same seed gives the same trace") {
    const auto trace = [](std::uint64_t seed) {
        Sim sim({.loss = 0.05, .repeat = 0.05, .reorder = 0.1}, seed);
        sim.side(0).to_write = sim.side(1).to_write = 1'000'000;
        sim.run(60s);
        return sim.trace();
    };
    CHECK(trace(7) == trace(7));
    CHECK(trace(7) != trace(8));
}

TEST_CASE("a dead path ends a stream with unacknowledged bytes, and only that one") {
    Sim sim({}, 1);
    sim.side(0).to_write = 100'000;
    sim.side(0).ends = sim.side(1).ends = false;
    sim.run(1s);
    sim.cut();
    sim.side(0).to_write += 10'000;
    sim.stream(0).write(sim.now(), ByteVector(1));
    sim.side(0).written += 1;
    sim.run(20s);
    CHECK(sim.stream(0).closed() == Closed::timed_out);
    CHECK(sim.stream(1).closed() == Closed::no);
}

TEST_CASE("a reader that stops holds the writer back, and costs no more than the window") {
    Sim sim({.loss = 0.02}, 3);
    sim.side(0).to_write = 20'000'000;
    sim.side(1).reads = false;
    sim.run(30s);
    CHECK(sim.stream(0).closed() == Closed::no);
    CHECK(sim.side(1).most_unread > 8'000'000);
    CHECK(sim.side(1).most_unread <= (8 << 20) + (256 << 10));
    CHECK(sim.side(0).written < 10'000'000);
    sim.side(1).reads = true;
    sim.run(30s);
    CHECK(sim.side(1).right);
    CHECK(sim.side(1).read == 20'000'000);
    CHECK(sim.side(1).done_at.has_value());
}

TEST_CASE("an idle stream asks for nothing") {
    Sim sim({}, 1);
    sim.side(0).to_write = 1000;
    sim.side(0).ends = sim.side(1).ends = false;
    sim.run(10s);
    CHECK(!sim.stream(0).deadline());
    CHECK(!sim.stream(1).deadline());
    CHECK(sim.datagrams() <= 3);
}

TEST_CASE("the path MTU is found") {
    for (const std::size_t mtu : {700u, 1000u, 1200u, 1280u, 1300u, 1400u, 1492u, 1500u, 9000u}) {
        CAPTURE(mtu);
        Sim sim({.mtu_bytes = mtu}, 1);
        sim.side(0).to_write = 20'000'000;
        sim.side(0).ends = sim.side(1).ends = false;
        sim.run(5s);
        const std::size_t found = sim.stream(0).mtu_bytes();
        CHECK(found <= std::min<std::size_t>(mtu, 1500));
        CHECK(found + 32 > std::min<std::size_t>(mtu, 1500));
    }
}
