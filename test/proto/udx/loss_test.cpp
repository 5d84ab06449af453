// What a stream makes of links that lose packets, in virtual time: how much of the link, how many
// round trips, and how many datagrams and wake-ups.
#include <doctest/doctest.h>

#include "test/proto/udx/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t mib = 1 << 20;

LinkOptions link(double megabits, Span round_trip, double loss) {
    const double rate = megabits * 1e6 / 8;
    return {.loss = loss,
            .delay = round_trip / 2,
            .bytes_per_second = rate,
            .queue_bytes = static_cast<std::size_t>(rate * 0.05)};
}

struct Measured {
    Span took{};
    Sim::Effort sender, receiver;
};

// Over a stream that has been up for a while, from the first byte until the last was read.
Measured carry(Sim& sim, std::uint64_t size) {
    sim.side(0).ends = sim.side(1).ends = false;
    for (const int side : {0, 1}) {  // one after the other, so that both know the round trip
        sim.side(side).to_write = 1;
        sim.run(1s);
    }
    const Time begun = sim.now();
    const Sim::Effort sender = sim.effort(0), receiver = sim.effort(1);
    sim.side(0).to_write += size;
    while (sim.side(1).read < sim.side(0).to_write && sim.now() < begun + 100s) sim.run(1ms);
    CHECK(sim.side(1).right);
    return {sim.now() - begun, sim.effort(0) - sender, sim.effort(1) - receiver};
}

double seconds(Span span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

TEST_CASE("loss at random costs little more than what is lost") {
    const struct {
        Span round_trip;
        double loss;
        double least_share;  // of the link, with the first round trips
        double most_beyond;  // on the wire, of the bytes
    } rows[] = {
        {50ms, 0, 0.88, 0.04},  {50ms, 0.01, 0.86, 0.05},  {50ms, 0.03, 0.82, 0.08},
        {150ms, 0, 0.76, 0.08}, {150ms, 0.01, 0.74, 0.09}, {150ms, 0.03, 0.58, 0.11},
    };
    for (const auto& row : rows) {
        CAPTURE(row.round_trip / 1ms);
        CAPTURE(row.loss);
        Sim sim(link(100, row.round_trip, row.loss), 1);
        const std::uint64_t size = 32 * mib;
        const Measured measured = carry(sim, size);
        CHECK(double(size) * 8 / 100e6 / seconds(measured.took) > row.least_share);
        CHECK(double(measured.sender.bytes) / double(size) - 1 < row.most_beyond);
    }
}

TEST_CASE("what overtakes others costs little, though it comes long before them") {
    for (const Span round_trip : {20ms, 50ms})
        for (std::uint64_t seed = 1; seed <= 5; ++seed) {
            CAPTURE(round_trip / 1ms);
            CAPTURE(seed);
            LinkOptions uneven = link(100, round_trip, 0);
            uneven.reorder = 0.5;
            uneven.jitter = 30ms;
            Sim sim(uneven, seed);
            const std::uint64_t size = 4 * mib;
            const Measured measured = carry(sim, size);
            CHECK(measured.took < 900ms);
            CHECK(double(measured.sender.bytes) / double(size) < 1.15);
        }
}

TEST_CASE("the first megabyte takes few round trips") {
    Sim sim(link(1000, 150ms, 0), 1);
    CHECK(carry(sim, mib).took < 7 * 150ms / 2);  // half of one is the way there
}

TEST_CASE("who wakes up late sends what was due, within limits") {
    const struct {
        double rate;
        Span late;
        double least, most;
    } rows[] = {{12.5e6, 7ms, 85e3, 90e3}, {12.5e6, 1s, 95e3, 105e3}, {125e6, 1s, 390e3, 410e3}};
    for (const auto& row : rows) {
        proto::udx::Pacer pacer;
        pacer.set_rate(row.rate);
        Time now = Sim::start();
        pacer.refill(now);
        const auto drain = [&] {
            double sent = 0;
            for (; pacer.allows(); sent += 1400) pacer.on_sent(1400);
            return sent;
        };
        drain();
        pacer.refill(now += row.late);
        const double sent = drain();
        CHECK(sent > row.least);
        CHECK(sent < row.most);
    }
}

TEST_CASE("who loses a packet, and its repetition, waits no whole second") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        Sim sim(link(100, 10ms, 0.03), seed);
        carry(sim, 1);
        for (int i = 0; i < 60; ++i) {  // requests and answers, some of them large
            const int from = i % 2;
            const Time begun = sim.now();
            sim.side(from).to_write += i % 12 == 0 ? mib : 100;
            while (sim.side(1 - from).read < sim.side(from).to_write && sim.now() < begun + 2s)
                sim.run(1ms);
            CHECK(sim.now() - begun < 500ms);
            sim.run(20ms);
        }
    }
}

TEST_CASE("a slow link needs few answers and few wake-ups") {
    for (const double megabits : {5., 100.}) {
        CAPTURE(megabits);
        Sim sim(link(megabits, 50ms, 0), 1);
        const Measured measured = carry(sim, 8 * mib);
        const auto packets = double(measured.sender.datagrams);
        CHECK(double(measured.receiver.datagrams) < packets / 3);
        CHECK(double(measured.sender.wakes) < packets * 2 / 3);
        CHECK(double(measured.receiver.wakes) < packets * 4 / 3);
    }
}

TEST_CASE("of what is written little waits at a slow link, and enough at a fast one") {
    const struct {
        double megabits;
        std::size_t least, most;
    } rows[] = {{1, 16384, 65536}, {2, 16384, 131072}, {100, 262144, 262144}};
    for (const auto& row : rows) {
        CAPTURE(row.megabits);
        Sim sim(link(row.megabits, 50ms, 0), 1);
        carry(sim, std::uint64_t(row.megabits * 1e6 / 8));
        CHECK(sim.stream(0).queue_bytes() >= row.least);
        CHECK(sim.stream(0).queue_bytes() <= row.most);
    }
}

TEST_CASE("after heavy loss no more is out than what the path was seen to hold") {
    LinkOptions narrow = link(100, 50ms, 0);
    narrow.queue_bytes = 30'000;  // a twentieth of what is under way
    Sim sim(narrow, 1);
    const Measured measured = carry(sim, 32 * mib);
    CHECK(double(measured.sender.bytes) / double(32 * mib) < 1.15);
}
