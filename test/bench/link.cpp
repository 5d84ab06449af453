// link FD FD MBIT DELAY_MS QUEUE_MS LOSS_PERCENT [udp]: a cable between two TUN devices, open under
// these numbers: each way so fast, so long, with a queue of so much time before it, and losing so
// many packets at random, the same ones each time. With `udp` it carries nothing else. Answers each
// line on stdin with the bytes that were sent into it, first to second and back. Ends with stdin.
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t max_packet_bytes = 2048;
constexpr int packets_a_turn = 64;  // then the other way has its turn
constexpr unsigned char udp = 17;

struct Cable {
    double bytes_per_second = 0;
    Clock::duration delay{}, queue{};
    double loss = 0;
    bool only_udp = false;
};

struct Way {
    int from, to;
    std::mt19937_64 random;
    Clock::time_point free{};
    std::deque<std::pair<Clock::time_point, std::vector<unsigned char>>> under_way = {};
    unsigned long long bytes = 0;
};

Clock::duration span(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void take(const Cable& cable, Way& way, const unsigned char* packet, std::size_t size) {
    if (size < 20 || packet[0] >> 4 != 4 || (cable.only_udp && packet[9] != udp)) return;
    way.bytes += size;
    const auto now = Clock::now();
    if (way.free < now) way.free = now;
    if (way.free - now > cable.queue) return;
    way.free += span(static_cast<double>(size) / cable.bytes_per_second);
    if (std::uniform_real_distribution<>()(way.random) < cable.loss) return;
    way.under_way.emplace_back(way.free + cable.delay,
                               std::vector<unsigned char>(packet, packet + size));
}

void give(Way& way) {
    while (!way.under_way.empty() && way.under_way.front().first <= Clock::now()) {
        const auto& packet = way.under_way.front().second;
        if (write(way.to, packet.data(), packet.size()) < 0) perror("link");
        way.under_way.pop_front();
    }
}

// False at the end of stdin.
bool answer(const Way& there, const Way& back) {
    char line[64];
    const ssize_t size = read(STDIN_FILENO, line, sizeof line);
    if (size <= 0) return false;
    std::printf("%llu %llu\n", there.bytes, back.bytes);
    std::fflush(stdout);
    return true;
}

timespec patience(const Way& there, const Way& back) {
    auto next = Clock::now() + std::chrono::seconds(1);
    for (const Way* way : {&there, &back})
        if (!way->under_way.empty()) next = std::min(next, way->under_way.front().first);
    const auto wait = std::max(next - Clock::now(), Clock::duration::zero());
    return {static_cast<time_t>(wait / std::chrono::seconds(1)),
            static_cast<long>((wait % std::chrono::seconds(1)) / std::chrono::nanoseconds(1))};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 7) return 2;
    Way there{std::atoi(argv[1]), std::atoi(argv[2]), std::mt19937_64(1)};
    Way back{there.to, there.from, std::mt19937_64(2)};
    const Cable cable{.bytes_per_second = std::atof(argv[3]) * 1e6 / 8,
                      .delay = span(std::atof(argv[4]) / 1e3),
                      .queue = span(std::atof(argv[5]) / 1e3),
                      .loss = std::atof(argv[6]) / 100,
                      .only_udp = argc > 7 && std::strcmp(argv[7], "udp") == 0};
    prctl(PR_SET_TIMERSLACK, 1);
    unsigned char packet[max_packet_bytes];
    for (;;) {
        pollfd sources[] = {
            {there.from, POLLIN, 0}, {back.from, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        const timespec wait = patience(there, back);
        if (ppoll(sources, 3, &wait, nullptr) < 0) return 1;
        for (Way* way : {&there, &back}) {
            for (int i = 0; i < packets_a_turn; ++i) {
                const ssize_t size = read(way->from, packet, sizeof packet);
                if (size <= 0) break;
                take(cable, *way, packet, static_cast<std::size_t>(size));
            }
            give(*way);
        }
        if (sources[2].revents && !answer(there, back)) return 0;
    }
}
