// udx_links [MIB]: what one UDX stream makes of emulated links, in virtual time: goodput, what goes
// over the wire beyond the bytes, the round trips to the first MiB, and what each megabyte costs in
// datagrams and wake-ups. Repeats exactly.
#include <cstdio>
#include <cstdlib>

#include "test/proto/udx/sim.hpp"

using namespace kp2p;
using namespace kp2p::test;
using namespace std::chrono_literals;

namespace {

constexpr double queue_seconds = 0.05;

void measure(double megabits, Span round_trip, double loss, std::uint64_t size) {
    const double rate = megabits * 1e6 / 8;
    Sim sim({.loss = loss,
             .delay = round_trip / 2,
             .bytes_per_second = rate,
             .queue_bytes = static_cast<std::size_t>(rate * queue_seconds)},
            1);
    sim.side(0).ends = sim.side(1).ends = false;
    for (const int side : {0, 1}) {  // one after the other, so that both know the round trip
        sim.side(side).to_write = 1;
        sim.run(1s);
    }
    const Time begun = sim.now();
    const auto before = sim.effort(0), there = sim.effort(1);
    std::optional<Time> first;
    sim.side(0).to_write += size;
    while (sim.side(1).read < sim.side(0).to_write && sim.now() < begun + 300s) {
        sim.run(2ms);
        if (!first && sim.side(1).read > (1 << 20)) first = sim.now();
    }
    const double seconds = std::chrono::duration<double>(sim.now() - begun).count();
    const auto effort = sim.effort(0) - before, answers = sim.effort(1) - there;
    const double megabytes = double(size) / 1e6;
    std::printf(
        "%5.0f Mbit/s %4lld ms %4.1f %%: %6.1f Mbit/s, wire +%5.1f %%, %4.1f round trips, "
        "per MB: %4.0f + %4.0f datagrams, %5.0f + %4.0f wake-ups\n",
        megabits, (long long)(round_trip / 1ms), loss * 100, megabytes * 8 / seconds,
        (double(effort.bytes) / double(size) - 1) * 100,
        first ? double((*first - begun).count()) / double(round_trip.count()) : 0.,
        double(effort.datagrams) / megabytes, double(answers.datagrams) / megabytes,
        double(effort.wakes) / megabytes, double(answers.wakes) / megabytes);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t size = (argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100) << 20;
    for (const Span round_trip : {10ms, 50ms, 150ms})
        for (const double loss : {0., 0.001, 0.01, 0.03}) measure(100, round_trip, loss, size);
    measure(1000, 20ms, 0, size * 4);
    for (const double megabits : {1., 5., 20.}) measure(megabits, 50ms, 0, size / 16);
}
